// One node's attributes, inputs and results.
#include <algorithm>
#include <cmath>

#include "graph/onnx/import.h"

namespace bitsieve::importer {
namespace {

using onnx::AttributeProto;

std::string gibibytes(std::uint64_t bytes) {
  return bytes < (std::uint64_t{1} << 28) ? fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20))
                                          : fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
}

}  // namespace

void Model::charge_constant(const std::string& where, std::int64_t elements, std::size_t element_size) {
  constant_bytes += static_cast<std::uint64_t>(elements) * element_size;
  if (constant_bytes > limits.constant_bytes) {
    fail("{}: constants and weights up to here need {}; at most {} are supported", where, gibibytes(constant_bytes),
         gibibytes(limits.constant_bytes));
  }
}

void Model::charge_activation(const std::string& where, const Shape& shape) {
  activation_bytes += static_cast<std::uint64_t>(checked_count(shape, where)) * sizeof(float);
  if (activation_bytes > limits.activation_bytes) {
    fail("{}: the activations of one image up to here need {}; at most {} are supported", where,
         gibibytes(activation_bytes), gibibytes(limits.activation_bytes));
  }
}

std::string NodeReader::where() const {
  const std::string& name = proto.name().empty() && proto.output_size() ? proto.output(0) : proto.name();
  return fmt::format("'{}': node '{}' ({})", model.origin, name, proto.op_type());
}

bool NodeReader::has_attribute(std::string_view name) const {
  return std::any_of(proto.attribute().begin(), proto.attribute().end(),
                     [&](const auto& a) { return a.name() == name; });
}

const AttributeProto* NodeReader::attribute(std::string_view name, AttributeProto::AttributeType type) const {
  for (const AttributeProto& a : proto.attribute()) {
    if (a.name() != name) continue;
    // Files of the first format version do not state the type.
    if (a.type() != type && a.type() != AttributeProto::UNDEFINED) {
      fail("{}: attribute '{}' has type {}; it must be {}", where(), name, AttributeProto::AttributeType_Name(a.type()),
           AttributeProto::AttributeType_Name(type));
    }
    return &a;
  }
  return nullptr;
}

std::int64_t NodeReader::integer(std::string_view name, std::int64_t otherwise) const {
  const AttributeProto* a = attribute(name, AttributeProto::INT);
  return a ? a->i() : otherwise;
}

bool NodeReader::flag(std::string_view name, bool otherwise) const {
  const std::int64_t value = integer(name, otherwise);
  if (value != 0 && value != 1) fail("{}: {} = {} is not supported; 0 and 1 are", where(), name, value);
  return value != 0;
}

float NodeReader::real(std::string_view name, float otherwise) const {
  const AttributeProto* a = attribute(name, AttributeProto::FLOAT);
  const float value = a ? a->f() : otherwise;
  if (!std::isfinite(value)) fail("{}: attribute '{}' is {}; it must be finite", where(), name, value);
  return value;
}

std::string NodeReader::text(std::string_view name, std::string_view otherwise) const {
  const AttributeProto* a = attribute(name, AttributeProto::STRING);
  return a ? a->s() : std::string(otherwise);
}

std::vector<std::int64_t> NodeReader::integers(std::string_view name) const {
  const AttributeProto* a = attribute(name, AttributeProto::INTS);
  return a ? std::vector<std::int64_t>(a->ints().begin(), a->ints().end()) : std::vector<std::int64_t>{};
}

bool NodeReader::has_input(int i) const { return i < proto.input_size() && !proto.input(i).empty(); }

const Constant* NodeReader::constant(int i) const {
  if (!has_input(i)) return nullptr;
  const auto found = model.constants.find(proto.input(i));
  return found == model.constants.end() ? nullptr : found->second.get();
}

const Constant& NodeReader::need_constant(int i, std::string_view what) const {
  if (!has_input(i)) fail("{}: its {} (input {}) is missing", where(), what, i);
  const Constant* c = constant(i);
  if (c) return *c;
  activation(i);  // says so where the name does not exist at all
  fail("{}: its {} '{}' is computed from the image; only a constant is supported", where(), what, proto.input(i));
}

std::vector<std::int64_t> NodeReader::whole_numbers(int i, std::string_view what) const {
  const Constant& c = need_constant(i, what);
  if (!c.whole) fail("{}: its {} '{}' must be whole numbers", where(), what, proto.input(i));
  if (c.shape.size() > 1)
    fail("{}: its {} '{}' is {}, not a vector", where(), what, proto.input(i), to_string(c.shape));
  return c.wholes;
}

float NodeReader::scalar(int i, std::string_view what) const {
  const Constant& c = need_constant(i, what);
  if (c.size() != 1) fail("{}: its {} '{}' has {} elements, not one", where(), what, proto.input(i), c.size());
  const float value = c.whole ? static_cast<float>(c.wholes[0]) : c.reals[0];
  if (std::isnan(value)) fail("{}: its {} '{}' is NaN", where(), what, proto.input(i));
  return value;
}

Tensor NodeReader::weight(int i, std::string_view what) const {
  const Constant& c = need_constant(i, what);
  if (c.whole)
    fail("{}: its {} '{}' has whole numbers as elements; supported are float types", where(), what, proto.input(i));
  for (std::size_t k = 0; k < c.reals.size(); ++k) {
    if (std::isfinite(c.reals[k])) continue;
    fail("{}: {} '{}' holds {} at element {}; weights must be finite", where(), what, proto.input(i),
         std::isnan(c.reals[k]) ? "a NaN" : "an infinity", k);
  }
  if (c.reals.empty()) fail("{}: its {} '{}' is empty ({})", where(), what, proto.input(i), to_string(c.shape));
  model.charge_constant(where(), c.size(), sizeof(float));
  return Tensor(c.shape, c.reals);
}

ValueId NodeReader::activation(int i) const {
  if (!has_input(i)) fail("{}: input {} is missing", where(), i);
  const std::string& name = proto.input(i);
  if (const auto found = model.activations.find(name); found != model.activations.end()) return found->second;
  if (const auto found = model.unusable.find(name); found != model.unusable.end()) {
    fail("{}: input '{}' {}", where(), name, found->second);
  }
  if (model.constants.contains(name))
    fail("{}: input '{}' is a constant; only an activation is supported", where(), name);
  fail("{}: input '{}' does not exist in the file", where(), name);
}

std::vector<std::int64_t> NodeReader::attribute_or_input(std::string_view name, int i) const {
  return has_attribute(name) || !has_input(i) ? integers(name) : whole_numbers(i, name);
}

std::size_t NodeReader::axis(std::int64_t axis, std::size_t rank) const {
  const auto full = static_cast<std::int64_t>(rank);
  if (axis < -full || axis >= full) fail("{}: axis {} is out of range for a tensor of rank {}", where(), axis, rank);
  return static_cast<std::size_t>(axis < 0 ? axis + full : axis);
}

std::size_t NodeReader::image_axis(std::int64_t given, std::size_t rank) const {
  const std::size_t full = axis(given, rank + 1);
  if (full == 0) fail("{}: axis {} is the batch; working along the batch is not supported", where(), given);
  return full - 1;
}

ValueId NodeReader::emit(Op op, std::vector<ValueId> inputs, Attributes attributes, std::vector<Tensor> params,
                         std::string_view suffix, Shape shape) const {
  Graph& graph = model.graph;
  Node node;
  node.op = op;
  const std::string name = (proto.name().empty() ? proto.output(0) : proto.name()) + std::string(suffix);
  const int asked = model.names[name]++;
  node.name = asked == 0 ? name : fmt::format("{}_{}", name, asked + 1);
  while (asked && model.names[node.name]++) node.name += "_";
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  node.params = std::move(params);
  node.output = graph.add_value(proto.output(0) + std::string(suffix), std::move(shape));
  try {
    shape = infer_shape(graph, node);
  } catch (const Error& e) {
    // "node 'conv1': ..." gains the file and the operator.
    const std::string message = e.what(), prefix = fmt::format("node '{}'", node.name);
    fail("{}{}", where(), message.starts_with(prefix) ? message.substr(prefix.size()) : ": " + message);
  }
  model.charge_activation(where(), shape);
  if (checked_count(shape, where()) == 0) fail("{}: its result is empty ({})", where(), to_string(shape));
  graph.values.back().shape = std::move(shape);
  graph.nodes.push_back(std::move(node));
  return graph.nodes.back().output;
}

ValueId NodeReader::reshape(ValueId input, Shape shape, std::string_view suffix) const {
  return emit(Op::reshape, {input}, {}, {}, suffix, std::move(shape));
}

ValueId NodeReader::constant_value(Tensor tensor, const std::string& name) const {
  const ValueId id = model.graph.add_value(name, tensor.shape);
  model.graph.values.back().constant = std::make_shared<const Tensor>(std::move(tensor));
  return id;
}

void NodeReader::define(ValueId value) const { model.activations[proto.output(0)] = value; }
void NodeReader::define(Constant constant) const { define(std::make_shared<const Constant>(std::move(constant))); }
void NodeReader::define(ConstantPtr constant) const { model.constants[proto.output(0)] = std::move(constant); }

}  // namespace bitsieve::importer
