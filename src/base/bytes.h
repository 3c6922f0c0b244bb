// Little-endian reading and writing. Every read is checked against what is left, so sizes from a file cannot make the
// reader allocate or reach beyond the file.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace bitsieve {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

class ByteWriter {
 public:
  // T: an integer or float of 1, 2, 4 or 8 bytes.
  template <class T>
  void put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes_.append(raw, sizeof(T));
  }
  // A count or an index. Throws Error above 2^32 - 1.
  void count(std::size_t value) {
    if (value > std::numeric_limits<std::uint32_t>::max()) fail("{} is too large for the format", value);
    put(static_cast<std::uint32_t>(value));
  }
  // Length, then the bytes.
  void text(std::string_view value) {
    count(value.size());
    bytes_.append(value);
  }
  void raw(std::string_view value) { bytes_.append(value); }
  template <class T>
  void array(const std::vector<T>& values) {
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  // Zeros up to the next multiple of `alignment`.
  void align(std::size_t alignment) { bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment, '\0'); }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class ByteReader {
 public:
  // what: names the bytes in errors, e.g. "section GRPH".
  ByteReader(std::string_view bytes, std::string what) : bytes_(bytes), what_(std::move(what)) {}

  template <class T>
  T get() {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, raw(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view raw(std::uint64_t size) {
    if (size > left()) fail("truncated: {} ends {} bytes too early", what_, size - left());
    const std::string_view part = bytes_.substr(at_, static_cast<std::size_t>(size));
    at_ += static_cast<std::size_t>(size);
    return part;
  }
  std::string text() { return std::string(raw(get<std::uint32_t>())); }
  template <class T>
  std::vector<T> array(std::uint64_t count) {
    if (count > left() / sizeof(T)) fail("truncated: {} has no room for {} numbers", what_, count);
    std::vector<T> values(static_cast<std::size_t>(count));
    if (count > 0) std::memcpy(values.data(), raw(count * sizeof(T)).data(), values.size() * sizeof(T));
    return values;
  }
  // How many records of at least `bytes_each` bytes follow.
  std::size_t count(std::uint64_t bytes_each, const char* records) {
    const auto n = get<std::uint32_t>();
    if (n > left() / bytes_each) fail("truncated: {} has no room for {} {}", what_, n, records);
    return n;
  }
  bool flag() {
    const auto value = get<std::uint8_t>();
    if (value > 1) fail("{}: a flag is {}, not 0 or 1", what_, value);
    return value == 1;
  }
  void align(std::size_t alignment) {
    const std::size_t over = at_ % alignment;
    if (over != 0) zeros(alignment - over);
  }
  void finish() const {
    if (left() != 0) fail("{} has {} bytes too many", what_, left());
  }
  std::uint64_t left() const { return bytes_.size() - at_; }
  const std::string& what() const { return what_; }

 private:
  void zeros(std::size_t size) {
    for (const char byte : raw(size)) {
      if (byte != 0) fail("{}: padding is not zero", what_);
    }
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::string what_;
};

}  // namespace bitsieve
