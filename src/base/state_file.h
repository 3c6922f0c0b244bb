// What long work needs to go on later: named texts, numbers and arrays, as one checked file.
//
// Little-endian: magic (8 bytes), version (u32), digest of the rest (base/hash.h), then three lists, texts, numbers
// and arrays, each a count (u32) and entries by ascending name: length (u32), name; a text: length (u32), bytes; a
// number: float64; an array: count (u64), float32 each.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bitsieve {

class State {
 public:
  std::map<std::string, std::string> texts;
  std::map<std::string, double> numbers;  // whole ones are exact up to 2^53
  std::map<std::string, std::vector<float>> arrays;

  // Each throws Error "the state has no ...", where the name is missing, or the array has another size.
  const std::string& text(const std::string& name) const;
  double number(const std::string& name) const;
  std::int64_t whole(const std::string& name) const;  // a whole number within +-2^53
  const std::vector<float>& array(const std::string& name) const;
  const std::vector<float>& array(const std::string& name, std::size_t size) const;

  bool operator==(const State&) const = default;
};

std::string to_bytes(const State& state);

// Accepts any bytes: throws Error, one line that names `origin` and what is wrong.
State parse_state(std::string_view bytes, const std::string& origin);

State load_state(const std::string& path);
void save_state(const std::string& path, const State& state);  // the whole file or nothing

}  // namespace bitsieve
