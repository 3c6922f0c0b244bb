// The text form of Recipe; docs/recipes.md describes it.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/toml.h"
#include "quant/recipe.h"

namespace bitsieve {
namespace {

// One key, with the words its errors need.
struct Entry {
  const toml::node& node;
  std::string key;  // "quantize.range"
  const std::string& origin;
  const CodeNames* codes;

  [[noreturn]] void bad(std::string_view allowed) const {
    fail("'{}' line {}: {} must be {}", origin, node.source().begin.line, key, allowed);
  }
  std::string text(std::string_view allowed = "a string") const {
    const auto value = node.value_exact<std::string>();
    if (!value) bad(allowed);
    return *value;
  }
  bool flag() const {
    const auto value = node.value_exact<bool>();
    if (!value) bad("true or false");
    return *value;
  }
  double percentage() const {
    constexpr std::string_view allowed = "a number above 0 and at most 100";
    const auto value =
        node.is_number() ? node.value<double>() : std::optional<double>();  // 100 is written without a point
    if (!value || !(*value > 0 && *value <= 100)) bad(allowed);
    return *value;
  }
  int top() const {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 1 || *value > 255) bad("a whole number from 1 to 255");
    return static_cast<int>(*value);
  }
  template <class T, std::size_t n>
  T one_of(const Named<T> (&table)[n]) const {
    std::string allowed;
    for (const auto& row : table) allowed += fmt::format("{}\"{}\"", allowed.empty() ? "" : " or ", row.name);
    const std::string value = text(allowed);
    for (const auto& row : table) {
      if (row.name == value) return row.value;
    }
    bad(allowed);
  }
  std::string code(CodeNames::Kind CodeNames::*kind) const {
    const std::string value = text();
    if (value.empty()) bad("the name of a code");
    if (codes == nullptr || value == "float") return value;
    const CodeNames::Kind& allowed = codes->*kind;
    if (!allowed.known(value)) bad(fmt::format("float, {}; '{}' is unknown", allowed.allowed, value));
    return value;
  }
};

template <class Target>
struct Key {
  std::string_view name;
  void (*read)(const Entry&, Target&);
};

constexpr Key<Recipe> quantize_keys[] = {
    {"range", [](const Entry& e, Recipe& r) { r.range = e.one_of(range_rules); }},
    {"percentile", [](const Entry& e, Recipe& r) { r.percentile = e.percentage(); }},
    {"act-top", [](const Entry& e, Recipe& r) { r.act_top = e.top(); }},
    {"first-last", [](const Entry& e, Recipe& r) { r.first_last = e.one_of(first_last_rules); }},
    {"rounding", [](const Entry& e, Recipe& r) { r.rounding = e.one_of(roundings); }},
    {"repair", [](const Entry& e, Recipe& r) { r.repair = e.one_of(repairs); }},
    {"equalize", [](const Entry& e, Recipe& r) { r.equalize = e.flag(); }},
    {"recalibrate-norms", [](const Entry& e, Recipe& r) { r.recalibrate_norms = e.flag(); }},
    {"prune", [](const Entry& e, Recipe& r) { r.prune_two_of_four = e.one_of(prunings); }},
};
constexpr Key<Recipe> layer_keys[] = {
    {"weights", [](const Entry& e, Recipe& r) { r.layers.weight_code = e.code(&CodeNames::weights); }},
    {"activations", [](const Entry& e, Recipe& r) { r.layers.act_code = e.code(&CodeNames::activations); }},
};
constexpr Key<LayerRule> rule_keys[] = {
    {"match", [](const Entry& e, LayerRule& r) { r.pattern = e.text(); }},
    {"weights", [](const Entry& e, LayerRule& r) { r.weight_code = e.code(&CodeNames::weights); }},
    {"activations", [](const Entry& e, LayerRule& r) { r.act_code = e.code(&CodeNames::activations); }},
};

// Reads one table; `where` is its name.
template <class Target, std::size_t n>
void read_table(const Entry& entry, const Key<Target> (&keys)[n], Target& target) {
  const toml::table* table = entry.node.as_table();
  if (table == nullptr) entry.bad("a table");
  for (const auto& [name, node] : *table) {
    const auto* key = std::find_if(keys, keys + n, [&](const Key<Target>& k) { return k.name == name.str(); });
    if (key == keys + n) {
      std::vector<std::string_view> names;
      for (const auto& k : keys) names.push_back(k.name);
      fail("'{}' line {}: unknown key '{}.{}'; allowed are {}", entry.origin, node.source().begin.line, entry.key,
           name.str(), fmt::join(names, ", "));
    }
    key->read({node, fmt::format("{}.{}", entry.key, name.str()), entry.origin, entry.codes}, target);
  }
}

void read_rules(const Entry& entry, Recipe& recipe) {
  const toml::array* array = entry.node.as_array();
  if (array == nullptr) entry.bad("written as [[rule]]");
  for (const toml::node& element : *array) {
    const Entry rule_entry{element, "rule", entry.origin, entry.codes};
    LayerRule rule;
    read_table(rule_entry, rule_keys, rule);
    if (rule.pattern.empty()) rule_entry.bad("given a match: a regular expression of layer names");
    try {
      require_pattern(rule.pattern);
    } catch (const Error& e) {
      fail("'{}' line {}: {}", entry.origin, element.source().begin.line, e.what());
    }
    recipe.rules.push_back(std::move(rule));
  }
}

// A literal string where possible: regular expressions stay readable.
std::string quoted(const std::string& text) {
  const auto special = [](unsigned char c) { return c < ' ' || c == 127 || c == '\''; };
  if (text.find_first_of("\"\\") == std::string::npos && std::none_of(text.begin(), text.end(), special)) {
    return fmt::format("\"{}\"", text);
  }
  if (std::none_of(text.begin(), text.end(), special)) return fmt::format("'{}'", text);
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += fmt::format("\\{}", c);
    } else if (byte < ' ' || byte == 127) {
      result += fmt::format("\\u{:04x}", byte);
    } else {
      result += c;
    }
  }
  return result + "\"";
}

}  // namespace

Recipe parse_recipe(std::string_view text, const std::string& origin, const CodeNames* codes) {
  const toml::table root = parse_toml(text, origin);
  Recipe recipe;
  for (const auto& [name, node] : root) {
    const Entry entry{node, std::string(name.str()), origin, codes};
    if (name == "name") {
      recipe.name = entry.text();
    } else if (name == "quantize") {
      read_table(entry, quantize_keys, recipe);
    } else if (name == "layers") {
      read_table(entry, layer_keys, recipe);
    } else if (name == "rule") {
      read_rules(entry, recipe);
    } else {
      fail("'{}' line {}: unknown key '{}'; allowed are name, [quantize], [layers] and [[rule]]", origin,
           node.source().begin.line, name.str());
    }
  }
  return recipe;
}

std::string to_toml(const Recipe& r) {
  const auto name_of_pruning = r.prune_two_of_four ? prunings[1].name : prunings[0].name;
  std::string text =
      fmt::format("name = {}\n\n[quantize]\nrange = \"{}\"\npercentile = {}\nact-top = {}\nfirst-last = \"{}\"\n",
                  quoted(r.name), name_of(r.range), r.percentile, r.act_top, name_of(r.first_last));
  text += fmt::format("rounding = \"{}\"\nrepair = \"{}\"\nequalize = {}\nrecalibrate-norms = {}\nprune = \"{}\"\n",
                      name_of(r.rounding), name_of(r.repair), r.equalize, r.recalibrate_norms, name_of_pruning);
  text += fmt::format("\n[layers]\nweights = {}\nactivations = {}\n", quoted(r.layers.weight_code),
                      quoted(r.layers.act_code));
  for (const LayerRule& rule : r.rules) {
    text += fmt::format("\n[[rule]]\nmatch = {}\n", quoted(rule.pattern));
    if (!rule.weight_code.empty()) text += fmt::format("weights = {}\n", quoted(rule.weight_code));
    if (!rule.act_code.empty()) text += fmt::format("activations = {}\n", quoted(rule.act_code));
  }
  try {
    parse_toml(text, r.name);
  } catch (const Error&) {
    fail("the recipe '{}' cannot be written: a string in it is not UTF-8", r.name);
  }
  return text;
}

}  // namespace bitsieve
