// Names of weight codes: a stem and parts, separated by '-'.
#pragma once
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

namespace bitsieve {

inline std::vector<std::string_view> parts_of(std::string_view name) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = name.find('-');
    parts.push_back(name.substr(0, at));
    if (at == std::string_view::npos) return parts;
    name.remove_prefix(at + 1);
  }
}

// "n3" with prefix "n" is 3. Nothing where the rest is no number, or written in another way than 3, 2.5 or 0.25.
inline std::optional<double> number_after(std::string_view part, std::string_view prefix) {
  if (!part.starts_with(prefix)) return std::nullopt;
  part.remove_prefix(prefix.size());
  const bool padded = part.size() > 1 && part[0] == '0' && part[1] != '.';
  if (part.empty() || padded || part.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
  if (part.find('.') != std::string_view::npos && (part.back() == '0' || part.back() == '.' || part[0] == '.'))
    return std::nullopt;
  double value = 0;
  const auto [end, status] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (status != std::errc() || end != part.data() + part.size()) return std::nullopt;
  return value;
}

inline std::optional<int> whole_after(std::string_view part, std::string_view prefix, int least, int most) {
  const std::optional<double> value = number_after(part, prefix);
  if (!value || *value < least || *value > most || *value != static_cast<int>(*value)) return std::nullopt;
  return static_cast<int>(*value);
}

}  // namespace bitsieve
