// TensorProto to Constant.
#include <bit>
#include <cstring>

#include "graph/onnx/import.h"

namespace bitsieve::importer {
namespace {

using onnx::TensorProto;

// IEEE 754 half precision, exact in float32.
float from_half(std::uint16_t h) {
  const std::uint32_t sign = (h & 0x8000u) << 16, exponent = (h >> 10) & 31u, mantissa = h & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float tiny = static_cast<float>(mantissa) * 0x1p-24f;
  return sign ? -tiny : tiny;
}

// The upper half of a float32.
float from_bfloat(std::uint16_t b) { return std::bit_cast<float>(std::uint32_t{b} << 16); }

struct Source {
  Model& model;
  const TensorProto& proto;
  const std::string& where;
  std::int64_t count;

  // Elements of type Raw, from the bytes of raw_data or from the `typed` field, through `convert` into `out`.
  // FieldAs is the meaning of an element of the typed field (int32_data holds 16-bit patterns, bytes and bools).
  template <class Raw, class Out, class Typed, class Convert>
  void read(const Typed& typed, std::vector<Out>& out, Convert convert) const {
    const std::string& raw = proto.raw_data();
    if (proto.has_raw_data()) {
      if (raw.size() % sizeof(Raw) || raw.size() / sizeof(Raw) != static_cast<std::uint64_t>(count)) {
        fail("{}: tensor '{}' announces {} elements of {} bytes and holds {} bytes", where, proto.name(), count,
             sizeof(Raw), raw.size());
      }
    } else if (typed.size() != count) {
      fail("{}: tensor '{}' announces {} elements and holds {}", where, proto.name(), count, typed.size());
    }
    model.charge_constant(where, count, sizeof(Out));
    out.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < out.size(); ++i) {
      Raw element;
      if (proto.has_raw_data()) {
        std::memcpy(&element, raw.data() + i * sizeof(Raw), sizeof(Raw));
      } else {
        element = static_cast<Raw>(typed[static_cast<int>(i)]);
      }
      out[i] = convert(element);
    }
  }
};

struct TypeName {
  int type;
  const char* name;
};
constexpr TypeName type_names[] = {
    {0, "undefined"},       {1, "float"},         {2, "uint8"},           {3, "int8"},
    {4, "uint16"},          {5, "int16"},         {6, "int32"},           {7, "int64"},
    {8, "string"},          {9, "bool"},          {10, "float16"},        {11, "double"},
    {12, "uint32"},         {13, "uint64"},       {14, "complex64"},      {15, "complex128"},
    {16, "bfloat16"},       {17, "float8e4m3fn"}, {18, "float8e4m3fnuz"}, {19, "float8e5m2"},
    {20, "float8e5m2fnuz"}, {21, "uint4"},        {22, "int4"},
};

}  // namespace

std::string type_name(int type) {
  for (const TypeName& row : type_names) {
    if (row.type == type) return row.name;
  }
  return fmt::format("number {}", type);
}

std::int64_t checked_count(const Shape& shape, const std::string& where) {
  if (shape.size() > max_rank) fail("{}: a tensor of rank {}; at most {} is supported", where, shape.size(), max_rank);
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0) fail("{}: shape {} has a negative extent", where, to_string(shape));
    if (extent > max_elements || (extent > 0 && count > max_elements / extent)) {
      fail("{}: shape {} has more than {} elements", where, to_string(shape), max_elements);
    }
    count *= std::max<std::int64_t>(extent, 1);
  }
  for (const std::int64_t extent : shape) {
    if (extent == 0) return 0;
  }
  return count;
}

Constant decode(Model& model, const TensorProto& proto, const std::string& where) {
  if (proto.data_location() == TensorProto::EXTERNAL || proto.external_data_size() > 0) {
    fail("{}: tensor '{}' is in another file; external data is not supported, save the model as one file", where,
         proto.name());
  }
  if (proto.has_segment()) fail("{}: tensor '{}' is stored in segments, which is not supported", where, proto.name());
  Constant c;
  c.shape.assign(proto.dims().begin(), proto.dims().end());
  const Source source{model, proto, where, checked_count(c.shape, fmt::format("{}: tensor '{}'", where, proto.name()))};
  const auto real = [](auto x) { return static_cast<float>(x); };
  const auto whole = [](auto x) { return static_cast<std::int64_t>(x); };
  switch (proto.data_type()) {
    case TensorProto::FLOAT:
      source.read<float>(proto.float_data(), c.reals, real);
      break;
    case TensorProto::DOUBLE:
      source.read<double>(proto.double_data(), c.reals, real);
      break;
    case TensorProto::FLOAT16:
      source.read<std::uint16_t>(proto.int32_data(), c.reals, from_half);
      break;
    case TensorProto::BFLOAT16:
      source.read<std::uint16_t>(proto.int32_data(), c.reals, from_bfloat);
      break;
    case TensorProto::INT64:
      source.read<std::int64_t>(proto.int64_data(), c.wholes, whole);
      break;
    case TensorProto::INT32:
      source.read<std::int32_t>(proto.int32_data(), c.wholes, whole);
      break;
    case TensorProto::INT8:
      source.read<std::int8_t>(proto.int32_data(), c.wholes, whole);
      break;
    case TensorProto::UINT8:
      source.read<std::uint8_t>(proto.int32_data(), c.wholes, whole);
      break;
    case TensorProto::BOOL:
      source.read<std::uint8_t>(proto.int32_data(), c.wholes, [](auto x) { return std::int64_t{x != 0}; });
      break;
    default:
      fail(
          "{}: tensor '{}' has element type {}; supported are float, double, float16, bfloat16, int64, int32, int8, "
          "uint8, "
          "bool",
          where, proto.name(), type_name(proto.data_type()));
  }
  c.whole = c.reals.empty() && proto.data_type() != TensorProto::FLOAT && proto.data_type() != TensorProto::DOUBLE &&
            proto.data_type() != TensorProto::FLOAT16 && proto.data_type() != TensorProto::BFLOAT16;
  return c;
}

}  // namespace bitsieve::importer
