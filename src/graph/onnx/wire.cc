// How much memory a file takes once it is parsed, from its bytes alone. Two bytes can stand for an empty message of
// hundreds, so the size of the file is no bound; this is, before anything is allocated.
#include "graph/onnx/import.h"

namespace bitsieve::importer {
namespace {

// What bytes of the file stand for: text or data kept as they are, numbers (at most one per byte), or a message. Only
// the messages that are large or many are told apart.
enum class Kind { bytes, numbers, small, model, graph, node, attribute, tensor };

struct Field {
  Kind message;
  std::uint64_t number;
  Kind content;
};

// The numbers of onnx.proto; a field that is missing here counts as `small`.
constexpr Field fields[] = {
    {Kind::model, 2, Kind::bytes},       {Kind::model, 3, Kind::bytes},      {Kind::model, 4, Kind::bytes},
    {Kind::model, 6, Kind::bytes},       {Kind::model, 7, Kind::graph},      {Kind::graph, 1, Kind::node},
    {Kind::graph, 2, Kind::bytes},       {Kind::graph, 5, Kind::tensor},     {Kind::graph, 10, Kind::bytes},
    {Kind::node, 1, Kind::bytes},        {Kind::node, 2, Kind::bytes},       {Kind::node, 3, Kind::bytes},
    {Kind::node, 4, Kind::bytes},        {Kind::node, 5, Kind::attribute},   {Kind::node, 6, Kind::bytes},
    {Kind::node, 7, Kind::bytes},        {Kind::attribute, 1, Kind::bytes},  {Kind::attribute, 4, Kind::bytes},
    {Kind::attribute, 5, Kind::tensor},  {Kind::attribute, 6, Kind::graph},  {Kind::attribute, 7, Kind::numbers},
    {Kind::attribute, 8, Kind::numbers}, {Kind::attribute, 9, Kind::bytes},  {Kind::attribute, 10, Kind::tensor},
    {Kind::attribute, 11, Kind::graph},  {Kind::attribute, 13, Kind::bytes}, {Kind::attribute, 21, Kind::bytes},
    {Kind::tensor, 1, Kind::numbers},    {Kind::tensor, 4, Kind::bytes},     {Kind::tensor, 5, Kind::numbers},
    {Kind::tensor, 6, Kind::bytes},      {Kind::tensor, 7, Kind::numbers},   {Kind::tensor, 8, Kind::bytes},
    {Kind::tensor, 9, Kind::bytes},      {Kind::tensor, 10, Kind::bytes},    {Kind::tensor, 11, Kind::numbers},
    {Kind::tensor, 12, Kind::bytes},
};

// Rounded up from what protobuf keeps for a number, a field of bytes and a message, in bytes.
constexpr std::uint64_t number_cost = 16, field_cost = 64, message_cost = 320;
constexpr std::uint64_t small_factor = message_cost / 2;  // an empty message takes two bytes of the file
constexpr int max_depth = 100;                            // protobuf's own limit

Kind content_of(Kind message, std::uint64_t number) {
  for (const Field& f : fields) {
    if (f.message == message && f.number == number) return f.content;
  }
  return Kind::small;
}

// Reads a number of seven bits per byte off the front of `bytes`.
bool take_number(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 70 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (shift < 64) value |= std::uint64_t{byte & 127u} << shift;
    if (byte < 128) return true;
  }
  return false;
}

// Adds what `bytes`, a message, costs; stops above `limit`. What is malformed ends the count: the parser refuses it.
void add_cost(std::string_view bytes, Kind message, int depth, std::uint64_t limit, std::uint64_t& cost) {
  if (depth > max_depth) return;
  cost += message_cost;
  std::uint64_t tag = 0, value = 0;
  while (!bytes.empty() && cost <= limit) {
    if (!take_number(bytes, tag)) return;
    const std::uint64_t type = tag & 7;
    if (type == 2) {
      if (!take_number(bytes, value) || value > bytes.size()) return;
      const std::string_view content = bytes.substr(0, value);
      bytes.remove_prefix(value);
      cost += field_cost;
      const Kind kind = content_of(message, tag >> 3);
      if (kind == Kind::bytes) {
        cost += value;
      } else if (kind == Kind::numbers) {
        cost += value * number_cost;
      } else if (kind == Kind::small) {
        cost += message_cost + value * small_factor;
      } else {
        add_cost(content, kind, depth + 1, limit, cost);
      }
    } else if (type == 0) {
      if (!take_number(bytes, value)) return;
      cost += number_cost;
    } else if (type == 1 || type == 5) {
      const std::size_t size = type == 1 ? 8 : 4;
      if (bytes.size() < size) return;
      bytes.remove_prefix(size);
      cost += number_cost;
    } else {
      cost += field_cost;  // the start or end of a group
    }
  }
}

}  // namespace

std::uint64_t parsed_size(std::string_view bytes, std::uint64_t limit) {
  std::uint64_t cost = 0;
  add_cost(bytes, Kind::model, 0, limit, cost);
  return cost;
}

}  // namespace bitsieve::importer
