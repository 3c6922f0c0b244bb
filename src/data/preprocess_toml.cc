// The text form of Preprocessing.
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/toml.h"
#include "data/preprocess.h"

namespace bitsieve {
namespace {

constexpr int max_extent = 1 << 16;

template <class T>
struct Named {
  std::string_view name;
  T value;
};
constexpr Named<CropRule> crops[] = {{"none", CropRule::none}, {"center", CropRule::center}};
constexpr Named<ChannelOrder> orders[] = {
    {"RGB", ChannelOrder::rgb}, {"BGR", ChannelOrder::bgr}, {"gray", ChannelOrder::gray}};

// One key of the table, with the words its errors need.
struct Entry {
  const toml::node& node;
  std::string_view key;
  const std::string& origin;

  [[noreturn]] void bad(std::string_view allowed) const { fail("'{}': {} must be {}", origin, key, allowed); }

  std::string text(std::string_view allowed) const {
    const auto value = node.value_exact<std::string>();
    if (!value) bad(allowed);
    return *value;
  }

  float number(const toml::node& from, std::string_view allowed) const {
    // Whole numbers are written without a point.
    const auto value = from.is_number() ? from.value<double>() : std::optional<double>();
    if (!value || !std::isfinite(static_cast<float>(*value))) bad(allowed);
    return static_cast<float>(*value);
  }

  std::vector<float> numbers(std::string_view allowed) const {
    std::vector<float> values;
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& element : *array) values.push_back(number(element, allowed));
    } else {
      values.push_back(number(node, allowed));
    }
    if (values.size() != 1 && values.size() != 3) bad(allowed);
    return values;
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
};

void read_size(const Entry& entry, Preprocessing& p) {
  constexpr std::string_view allowed = "[height, width], each 1 to 65536";
  const toml::array* array = entry.node.as_array();
  if (array == nullptr || array->size() != 2) entry.bad(allowed);
  int* const targets[] = {&p.height, &p.width};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto value = (*array)[i].value_exact<std::int64_t>();
    if (!value || *value < 1 || *value > max_extent) entry.bad(allowed);
    *targets[i] = static_cast<int>(*value);
  }
}

void read_resize(const Entry& entry, Preprocessing& p) {
  constexpr std::string_view allowed = "\"none\", \"exact\" or \"shorter:N\" with N from 1 to 65536";
  constexpr std::string_view prefix = "shorter:";
  const std::string value = entry.text(allowed);
  if (value == "none") {
    p.resize = ResizeRule::none;
  } else if (value == "exact") {
    p.resize = ResizeRule::exact;
  } else if (value.starts_with(prefix)) {
    p.resize = ResizeRule::shorter;
    const char* end = value.data() + value.size();
    const auto [stop, status] = std::from_chars(value.data() + prefix.size(), end, p.shorter);
    if (status != std::errc() || stop != end || p.shorter < 1 || p.shorter > max_extent) entry.bad(allowed);
  } else {
    entry.bad(allowed);
  }
}

constexpr std::string_view number_list = "one number or a list of one or three numbers";

struct Key {
  std::string_view name;
  void (*read)(const Entry&, Preprocessing&);
};
constexpr Key keys[] = {
    {"size", read_size},
    {"resize", read_resize},
    {"crop", [](const Entry& e, Preprocessing& p) { p.crop = e.one_of(crops); }},
    {"channels", [](const Entry& e, Preprocessing& p) { p.channels = e.one_of(orders); }},
    {"scale", [](const Entry& e, Preprocessing& p) { p.scale = e.number(e.node, "a number"); }},
    {"mean", [](const Entry& e, Preprocessing& p) { p.mean = e.numbers(number_list); }},
    {"std", [](const Entry& e, Preprocessing& p) { p.std = e.numbers(number_list); }},
};

void check_together(const Preprocessing& p, const std::string& origin) {
  if (p.height == 0 && p.resize == ResizeRule::exact) fail("'{}': resize = \"exact\" needs size", origin);
  if (p.height == 0 && p.crop == CropRule::center) fail("'{}': crop = \"center\" needs size", origin);
  if (std::int64_t{p.height} * p.width > max_image_pixels) fail("'{}': size is too large", origin);
  const auto fits = [&](std::size_t n) { return n == 1 || n == static_cast<std::size_t>(p.channel_count()); };
  if (!fits(p.mean.size())) fail("'{}': mean has {} values, there is one channel", origin, p.mean.size());
  if (!fits(p.std.size())) fail("'{}': std has {} values, there is one channel", origin, p.std.size());
  // Below the smallest normal number the division overflows for ordinary pixels.
  for (const float value : p.std) {
    if (!std::isnormal(value) || value < 0) fail("'{}': std must be above 0", origin);
  }
}

// The shortest decimal that a reader who goes through double gets back exactly.
std::string shortest(float value) {
  const std::string text = fmt::format("{}", value);
  double back = 0;
  std::from_chars(text.data(), text.data() + text.size(), back);
  return static_cast<float>(back) == value ? text : fmt::format("{}", static_cast<double>(value));
}

std::string list(const std::vector<float>& values) {
  std::vector<std::string> texts;
  for (const float value : values) texts.push_back(shortest(value));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

template <class T, std::size_t n>
std::string_view name_of(T value, const Named<T> (&table)[n]) {
  return std::find_if(table, table + n - 1, [&](const Named<T>& row) { return row.value == value; })->name;
}

}  // namespace

Preprocessing parse_preprocessing(std::string_view text, const std::string& origin) {
  const toml::table root = parse_toml(text, origin);
  for (const auto& [name, node] : root) {
    if (name != "input") fail("'{}': unknown key '{}'; the only table is [input]", origin, name.str());
    if (!node.is_table()) fail("'{}': input must be a table", origin);
  }
  Preprocessing p;
  const toml::table* input = root["input"].as_table();
  if (input == nullptr) fail("'{}' has no table [input]", origin);
  for (const auto& [name, node] : *input) {
    const auto* key =
        std::find_if(std::begin(keys), std::end(keys), [&](const Key& k) { return k.name == name.str(); });
    if (key == std::end(keys)) {
      std::vector<std::string_view> names;
      for (const Key& k : keys) names.push_back(k.name);
      fail("'{}': unknown key 'input.{}'; allowed are {}", origin, name.str(), fmt::join(names, ", "));
    }
    key->read(Entry{node, key->name, origin}, p);
  }
  check_together(p, origin);
  return p;
}

std::string Preprocessing::to_toml() const {
  std::string text = "[input]\n";
  if (height > 0) text += fmt::format("size = [{}, {}]\n", height, width);
  text += resize == ResizeRule::shorter ? fmt::format("resize = \"shorter:{}\"\n", shorter)
          : resize == ResizeRule::exact ? "resize = \"exact\"\n"
                                        : "resize = \"none\"\n";
  text += fmt::format("crop = \"{}\"\n", name_of(crop, crops));
  text += fmt::format("channels = \"{}\"\n", name_of(channels, orders));
  text += fmt::format("scale = {}\nmean = {}\nstd = {}\n", shortest(scale), list(mean), list(std));
  return text;
}

}  // namespace bitsieve
