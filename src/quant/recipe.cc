#include "quant/recipe.h"

#include <algorithm>
#include <charconv>
#include <regex>

#include "base/error.h"

namespace bitsieve {
namespace {

template <class T, std::size_t n>
std::string_view name_in(const Named<T> (&table)[n], T value) {
  for (const auto& row : table) {
    if (row.value == value) return row.name;
  }
  fail("an enumeration has the value {}, which has no name", static_cast<int>(value));
}

template <class T, std::size_t n>
T value_in(const Named<T> (&table)[n], std::string_view name, const std::string& option) {
  std::string allowed;
  for (const auto& row : table) {
    if (row.name == name) return row.value;
    allowed += (allowed.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(fmt::format("{}: '{}' is not one of {}", option, name, allowed), ErrorKind::usage);
}

// std::regex recurses along the pattern, its repetitions written out, and along the name: both have to stay short.
constexpr std::size_t max_name = 2000;

// The length of a pattern with every {n} and {n,m} written out, at least; stops counting above max_pattern.
std::size_t written_out(const std::string& pattern) {
  std::size_t length = pattern.size();
  for (std::size_t i = 0; i < pattern.size() && length <= max_pattern; ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == '{') {
      std::size_t largest = 1, n = 0;
      for (++i; i < pattern.size() && pattern[i] != '}'; ++i) {
        n = pattern[i] >= '0' && pattern[i] <= '9'
                ? std::min(n * 10 + static_cast<std::size_t>(pattern[i] - '0'), max_pattern + 1)
                : 0;
        largest = std::max(largest, n);
      }
      length *= largest;
    }
  }
  return length;
}

std::regex compile(const std::string& pattern) {
  if (pattern.empty() || written_out(pattern) > max_pattern) {
    fail("the pattern '{:.60}' must have 1 to {} characters, repetitions {{n}} written out", pattern, max_pattern);
  }
  try {
    return std::regex(pattern);
  } catch (const std::regex_error&) {
    fail("the pattern '{}' is not a regular expression (ECMAScript)", pattern);
  }
}

bool found_in(const std::string& name, const std::regex& regex, const std::string& pattern) {
  if (name.size() > max_name)
    fail("the node name '{}...' has {} bytes; patterns take {}", name.substr(0, 40), name.size(), max_name);
  try {
    return std::regex_search(name, regex);
  } catch (const std::regex_error&) {
    fail("the pattern '{}' takes too long on the node name '{}'; write a simpler one", pattern, name);
  }
}

// A regular expression for exactly this name, in printable ASCII.
std::string exactly(const std::string& name) {
  std::string pattern = "^";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte > '~') {
      pattern += fmt::format("\\x{:02x}", byte);
    } else {
      if (std::string_view("^$\\.*+?()[]{}|/").find(c) != std::string_view::npos) pattern += '\\';
      pattern += c;
    }
  }
  return pattern + "$";
}

int whole_number(std::string_view text) {
  int value = -1;
  const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  return status == std::errc() && stop == text.data() + text.size() ? value : -1;
}

}  // namespace

std::string_view name_of(RangeRule rule) { return name_in(range_rules, rule); }
std::string_view name_of(FirstLast rule) { return name_in(first_last_rules, rule); }
std::string_view name_of(Repair repair) { return name_in(repairs, repair); }
std::string_view name_of(Rounding rounding) { return name_in(roundings, rounding); }
RangeRule range_rule_named(std::string_view name, const std::string& option) {
  return value_in(range_rules, name, option);
}
FirstLast first_last_named(std::string_view name, const std::string& option) {
  return value_in(first_last_rules, name, option);
}
Repair repair_named(std::string_view name, const std::string& option) { return value_in(repairs, name, option); }
Rounding rounding_named(std::string_view name, const std::string& option) { return value_in(roundings, name, option); }

std::string weight_code_of_bits(std::string_view bits, const std::string& option) {
  const int n = whole_number(bits);
  if (n < 2 || n > 8) throw Error(fmt::format("{}: '{}' must be 2 to 8", option, bits), ErrorKind::usage);
  return fmt::format("int{}", n);
}

std::string act_code_of_bits(std::string_view bits, const std::string& option) {
  const int n = whole_number(bits);
  if (n != 8 && n != 4) throw Error(fmt::format("{}: '{}' must be 8 or 4", option, bits), ErrorKind::usage);
  return n == 8 ? "int8" : "act4-uniform";
}

void apply_layer_option(Recipe& recipe, const std::string& text) {
  const auto wrong = [&](const std::string& why) {
    throw Error(fmt::format("--layer '{}': {}", text, why), ErrorKind::usage);
  };
  const std::size_t split = text.rfind('=');
  if (split == std::string::npos || split == 0) wrong("it must read REGEX=key:value,...");
  LayerRule rule{text.substr(0, split), "", ""};
  try {
    require_pattern(rule.pattern);
  } catch (const Error& e) {
    wrong(e.what());
  }
  std::string_view rest = std::string_view(text).substr(split + 1);
  while (true) {
    const std::string_view part = rest.substr(0, rest.find(','));
    const std::size_t colon = part.find(':');
    if (colon == std::string_view::npos || colon + 1 == part.size())
      wrong(fmt::format("'{}' must read key:value", part));
    const std::string_view key = part.substr(0, colon), value = part.substr(colon + 1);
    const std::string option = fmt::format("--layer '{}': {}", text, key);
    if (key == "weights") {
      rule.weight_code = value;
    } else if (key == "activations") {
      rule.act_code = value;
    } else if (key == "w-bits") {
      rule.weight_code = weight_code_of_bits(value, option);
    } else if (key == "a-bits") {
      rule.act_code = act_code_of_bits(value, option);
    } else {
      wrong(fmt::format("unknown key '{}'; allowed are weights, activations, w-bits, a-bits", key));
    }
    if (part.size() == rest.size()) break;
    rest.remove_prefix(part.size() + 1);
  }
  recipe.rules.push_back(std::move(rule));
}

void require_pattern(const std::string& pattern) { compile(pattern); }

void apply_exclude_option(Recipe& recipe, const std::string& pattern) {
  try {
    require_pattern(pattern);
  } catch (const Error& e) {
    throw Error(fmt::format("--exclude: {}", e.what()), ErrorKind::usage);
  }
  recipe.rules.push_back({pattern, "float", "float"});
}

std::vector<LayerRecipe> resolve(const Graph& graph, const Recipe& recipe, std::vector<std::string>* warnings) {
  std::vector<LayerRecipe> result(graph.nodes.size(), LayerRecipe{"float", "float"});
  std::vector<std::size_t> layers;
  const std::vector<bool> outermost = outermost_layers(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!has_weights(graph.nodes[i])) continue;
    layers.push_back(i);
    result[i] = recipe.layers;
    if (recipe.first_last == FirstLast::same || !outermost[i]) continue;
    result[i] = recipe.first_last == FirstLast::keep_float ? LayerRecipe{"float", "float"} : LayerRecipe{};
  }
  for (const LayerRule& rule : recipe.rules) {
    const std::regex regex = compile(rule.pattern);
    bool matched = false;
    for (const std::size_t i : layers) {
      if (!found_in(graph.nodes[i].name, regex, rule.pattern)) continue;
      matched = true;
      if (!rule.weight_code.empty()) result[i].weight_code = rule.weight_code;
      if (!rule.act_code.empty()) result[i].act_code = rule.act_code;
    }
    if (!matched && warnings) {
      warnings->push_back(
          fmt::format("the rule '{}' matches no conv or linear layer of model '{}'", rule.pattern, graph.name));
    }
  }
  for (LayerRecipe& codes : result) {
    if (codes.weight_code == "float" || codes.act_code == "float") codes = {"float", "float"};
  }
  return result;
}

Recipe resolved(const Graph& graph, const Recipe& recipe) {
  const std::vector<LayerRecipe> codes = resolve(graph, recipe);
  Recipe result = recipe;
  result.first_last = FirstLast::same;
  result.rules.clear();
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (!has_weights(graph.nodes[i])) continue;
    result.rules.push_back({exactly(graph.nodes[i].name), codes[i].weight_code, codes[i].act_code});
  }
  return result;
}

}  // namespace bitsieve
