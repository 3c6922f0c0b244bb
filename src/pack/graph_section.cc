#include "pack/graph_section.h"

#include "base/bytes.h"
#include "base/error.h"
#include "pack/check.h"

namespace bitsieve::pack {
namespace {

// The numbers of operators in the file; never renumber, add at the end.
struct OpNumber {
  Op op;
  std::uint8_t number;
};
constexpr OpNumber op_numbers[] = {
    {Op::conv, 1},       {Op::linear, 2},    {Op::matmul, 3},        {Op::relu, 4},         {Op::leaky_relu, 5},
    {Op::clip, 6},       {Op::sigmoid, 7},   {Op::hard_sigmoid, 8},  {Op::hard_swish, 9},   {Op::add, 10},
    {Op::sub, 11},       {Op::mul, 12},      {Op::div, 13},          {Op::concat, 14},      {Op::slice, 15},
    {Op::pad, 16},       {Op::max_pool, 17}, {Op::average_pool, 18}, {Op::reduce_mean, 19}, {Op::reshape, 20},
    {Op::transpose, 21}, {Op::softmax, 22},
};

std::uint8_t number_of(const Node& node) {
  for (const OpNumber& row : op_numbers) {
    if (row.op == node.op) return row.number;
  }
  fail("node '{}': {} cannot be stored; fold it first", node.name, op_name(node.op));
}

Op op_of(std::uint8_t number, const std::string& node) {
  for (const OpNumber& row : op_numbers) {
    if (row.number == number) return row.op;
  }
  fail("node '{}': operator {} is unknown", node, number);
}

// One description of the attributes serves writing and reading: `io` is called with every field of node's operator.
template <class Attr, class Io>
void each_attribute(Op op, Attr& a, Io& io) {
  switch (op) {
    case Op::conv:
    case Op::max_pool:
    case Op::average_pool: {
      auto& w = a.window;
      for (auto* pair : {&w.kernel, &w.stride, &w.dilation, &w.pad_before, &w.pad_after}) {
        for (auto& extent : *pair) io.integer(extent);
      }
      if (op == Op::conv) io.integer(w.groups);
      if (op == Op::average_pool) io.flag(w.count_include_pad);
      return;
    }
    case Op::leaky_relu:
      return io.real(a.alpha);
    case Op::hard_sigmoid:
      io.real(a.alpha);
      return io.real(a.beta);
    case Op::clip:
      io.real(a.lo);
      return io.real(a.hi);
    case Op::concat:
    case Op::softmax:
      return io.integer(a.axis);
    case Op::slice:
      io.list(a.starts);
      io.list(a.ends);
      return io.list(a.steps);
    case Op::pad:
      io.real(a.value);
      io.list(a.before);
      return io.list(a.after);
    case Op::reduce_mean:
      io.flag(a.keep_dims);
      return io.list(a.axes);
    case Op::transpose:
      return io.list(a.axes);
    default:
      return;
  }
}

// Extents and attributes are int32 in the file: check_model keeps them below 2^31.
struct AttributeWriter {
  ByteWriter& out;
  void integer(std::int64_t value) { out.put(static_cast<std::int32_t>(value)); }
  void real(float value) { out.put(value); }
  void flag(bool value) { out.put(static_cast<std::uint8_t>(value)); }
  void list(const std::vector<std::int64_t>& values) {
    out.put(static_cast<std::uint8_t>(values.size()));
    for (const std::int64_t value : values) integer(value);
  }
};

struct AttributeReader {
  ByteReader& in;
  void integer(std::int64_t& value) { value = in.get<std::int32_t>(); }
  void real(float& value) { value = in.get<float>(); }
  void flag(bool& value) { value = in.flag(); }
  void list(std::vector<std::int64_t>& values) {
    const auto narrow = in.array<std::int32_t>(in.get<std::uint8_t>());
    values.assign(narrow.begin(), narrow.end());
  }
};

std::string read_name(ByteReader& in) {
  std::string name = in.text();
  check_name(name, in.what());
  return name;
}

ValueId read_id(ByteReader& in, std::size_t values) {
  const auto id = in.get<std::uint32_t>();
  if (id >= values) fail("{}: value {} of {}", in.what(), id, values);
  return static_cast<ValueId>(id);
}

}  // namespace

std::string encode_graph(const Graph& graph, const std::vector<bool>& integer) {
  ByteWriter out;
  out.text(graph.name);
  out.count(graph.values.size());
  out.count(graph.nodes.size());
  out.put(static_cast<std::uint32_t>(graph.input));
  out.put(static_cast<std::uint32_t>(graph.output));
  for (const Value& value : graph.values) {
    out.text(value.name);
    out.put(static_cast<std::uint8_t>(value.constant != nullptr));
    AttributeWriter{out}.list(value.shape);
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    out.text(node.name);
    out.put(number_of(node));
    out.put(static_cast<std::uint8_t>(!integer[i] && node.bias() != nullptr));
    out.count(node.inputs.size());
    out.array(node.inputs);
    out.put(static_cast<std::uint32_t>(node.output));
    out.put(node.clamp_lo);
    out.put(node.clamp_hi);
    AttributeWriter writer{out};
    each_attribute(node.op, node.attributes, writer);
  }
  return out.bytes();
}

GraphStructure decode_graph(std::string_view section) {
  ByteReader in(section, "section GRPH");
  GraphStructure result;
  Graph& graph = result.graph;
  graph.name = read_name(in);
  constexpr std::uint64_t least_value = 6, least_node = 26;  // bytes of the shortest record of each kind
  const std::size_t values = in.count(least_value, "values"), nodes = in.count(least_node, "nodes");
  if (values > max_records || nodes > max_records) {
    fail("{} values and {} nodes, at most {} are accepted", values, nodes, max_records);
  }
  graph.input = read_id(in, values);
  graph.output = read_id(in, values);
  for (std::size_t i = 0; i < values; ++i) {
    Value value;
    value.name = read_name(in);
    result.constant.push_back(in.flag());
    AttributeReader{in}.list(value.shape);
    graph.values.push_back(std::move(value));
  }
  for (std::size_t i = 0; i < nodes; ++i) {
    Node node{};
    node.name = read_name(in);
    node.op = op_of(in.get<std::uint8_t>(), node.name);
    result.bias.push_back(in.flag());
    const std::size_t inputs = in.count(sizeof(std::uint32_t), "inputs");
    for (std::size_t k = 0; k < inputs; ++k) node.inputs.push_back(read_id(in, values));
    node.output = read_id(in, values);
    node.clamp_lo = in.get<float>();
    node.clamp_hi = in.get<float>();
    AttributeReader reader{in};
    each_attribute(node.op, node.attributes, reader);
    const bool weighted = has_weights(node);
    if (weighted && inputs != 1) fail("node '{}': {} inputs, not 1", node.name, inputs);
    if (!weighted && result.bias.back()) fail("node '{}': {} has no bias", node.name, op_name(node.op));
    graph.nodes.push_back(std::move(node));
  }
  in.finish();
  return result;
}

Shape weight_shape(const Graph& graph, const Node& node) {
  const Shape& in = graph.shape(node.inputs.at(0));
  const Shape& out = graph.shape(node.output);
  if (node.op == Op::linear) {
    if (in.empty() || out.empty()) fail("node '{}': linear from {} to {}", node.name, to_string(in), to_string(out));
    return {out.back(), in.back()};
  }
  const Window& w = node.attributes.window;
  if (in.size() != 3 || out.size() != 3 || w.groups < 1 || in[0] % w.groups != 0) {
    fail("node '{}': conv with {} groups from {} to {}", node.name, w.groups, to_string(in), to_string(out));
  }
  return {out[0], in[0] / w.groups, w.kernel[0], w.kernel[1]};
}

}  // namespace bitsieve::pack
