#include "tensor/npy.h"

#include <cctype>
#include <cstring>

#include "base/error.h"

namespace bitsieve {
namespace {

template <class T>
std::vector<float> convert(std::string_view bytes, std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<float>(value);
  }
  return values;
}

struct ElementType {
  std::string_view code;
  std::size_t size;
  std::vector<float> (*read)(std::string_view, std::size_t);
};

constexpr ElementType element_types[] = {
    {"|u1", 1, convert<std::uint8_t>}, {"|i1", 1, convert<std::int8_t>},  {"<u2", 2, convert<std::uint16_t>},
    {"<i2", 2, convert<std::int16_t>}, {"<i4", 4, convert<std::int32_t>}, {"<i8", 8, convert<std::int64_t>},
    {"<f4", 4, convert<float>},        {"<f8", 8, convert<double>},
};

// The text after 'key': in the header's Python dictionary.
std::string_view field(std::string_view header, std::string_view key, const std::string& origin) {
  const std::string quoted = "'" + std::string(key) + "':";
  const std::size_t at = header.find(quoted);
  if (at == std::string_view::npos) fail("'{}' is not a valid npy file: its header has no {}", origin, key);
  header.remove_prefix(at + quoted.size());
  while (!header.empty() && header.front() == ' ') header.remove_prefix(1);
  return header;
}

Shape parse_shape(std::string_view text, const std::string& origin) {
  if (text.empty() || text.front() != '(') fail("'{}' is not a valid npy file: bad shape", origin);
  Shape shape;
  std::int64_t value = -1;
  for (const char c : text.substr(1)) {
    if (std::isdigit(static_cast<unsigned char>(c))) {
      value = (value < 0 ? 0 : value) * 10 + (c - '0');
      if (value > (std::int64_t{1} << 40)) fail("'{}': the array is too large", origin);
    } else if (c == ',' || c == ')') {
      if (value >= 0) shape.push_back(value);
      value = -1;
      if (c == ')') return shape;
      if (shape.size() > 8) break;
    } else if (c != ' ') {
      break;
    }
  }
  fail("'{}' is not a valid npy file: bad shape", origin);
}

}  // namespace

Tensor parse_npy(std::string_view bytes, const std::string& origin) {
  if (bytes.size() < 10 || bytes.substr(0, 6) != "\x93NUMPY") fail("'{}' is not an npy file", origin);
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
  const bool wide = byte(6) >= 2;
  const std::size_t start = wide ? 12 : 10;
  if (bytes.size() < start) fail("'{}' is truncated in its header", origin);
  const std::size_t length = byte(8) + (byte(9) << 8) + (wide ? (byte(10) << 16) + (byte(11) << 24) : 0);
  if (bytes.size() - start < length) fail("'{}' is truncated in its header", origin);
  const std::string_view header = bytes.substr(start, length);
  const std::string_view body = bytes.substr(start + length);

  if (field(header, "fortran_order", origin).substr(0, 5) != "False")
    fail("'{}' is in Fortran order; save it in C order", origin);
  const Shape shape = parse_shape(field(header, "shape", origin), origin);
  const auto count = static_cast<std::size_t>(element_count(shape));
  const std::string_view descr = field(header, "descr", origin);
  for (const ElementType& type : element_types) {
    if (descr.size() < 5 || descr.substr(1, 3) != type.code) continue;
    if (body.size() / type.size < count) {
      fail("'{}' is truncated: {} elements announced, {} present", origin, count, body.size() / type.size);
    }
    return Tensor(shape, type.read(body, count));
  }
  fail("'{}' has element type {}; supported are u1 i1 u2 i2 i4 i8 f4 f8, little endian", origin, descr.substr(0, 5));
}

}  // namespace bitsieve
