#include "graph/onnx/reader.h"

#include <fmt/ranges.h>

#include <limits>
#include <sstream>

#include "base/files.h"
#include "graph/onnx/import.h"

namespace bitsieve {
namespace {

using namespace importer;

void read_opset(Model& model, const onnx::ModelProto& proto) {
  for (const auto& import : proto.opset_import()) {
    if (!import.domain().empty() && import.domain() != "ai.onnx") continue;
    if (model.opset && model.opset != import.version()) {
      fail("'{}' states the opsets {} and {}", model.origin, model.opset, import.version());
    }
    model.opset = import.version();
  }
  if (model.opset < 7 || model.opset > 21) fail("'{}' has opset {}; supported are 7 to 21", model.origin, model.opset);
}

void read_initializers(Model& model, const onnx::GraphProto& proto) {
  if (proto.sparse_initializer_size())
    fail("'{}': sparse initializers are not supported; dense ones are", model.origin);
  const std::string where = fmt::format("'{}'", model.origin);
  for (const auto& tensor : proto.initializer()) {
    if (tensor.name().empty()) fail("{}: an initializer has no name", where);
    if (model.constants.contains(tensor.name())) fail("{}: two initializers have the name '{}'", where, tensor.name());
    model.constants[tensor.name()] = std::make_shared<const Constant>(decode(model, tensor, where));
  }
}

void read_input(Model& model, const onnx::GraphProto& proto) {
  Graph& graph = model.graph;
  for (const auto& input : proto.input()) {
    const std::string& name = input.name();
    if (model.constants.contains(name)) continue;  // before IR version 4, initializers are inputs too
    if (graph.input >= 0)
      fail("'{}': it has the inputs '{}' and '{}'; one is supported", model.origin, graph.values[0].name, name);
    const auto& type = input.type().tensor_type();
    if (type.elem_type() != onnx::TensorProto::FLOAT) {
      fail("'{}': input '{}' has element type {}; supported is float", model.origin, name, type_name(type.elem_type()));
    }
    Shape shape;
    if (type.shape().dim_size() > static_cast<int>(max_rank)) {
      fail("'{}': input '{}' has {} dimensions; at most {} are supported", model.origin, name, type.shape().dim_size(),
           max_rank);
    }
    for (int i = 0; i < type.shape().dim_size(); ++i) {
      const std::int64_t extent = type.shape().dim(i).dim_value();
      if (i == 0) {
        model.batch_free = extent < 1;
        if (!model.batch_free) model.batch = extent;
        continue;
      }
      if (extent < 1)
        fail("'{}': input '{}', dimension {} is not fixed; only the batch may be free", model.origin, name, i);
      shape.push_back(extent);
    }
    if (shape.empty()) fail("'{}': input '{}' has no dimension beside the batch", model.origin, name);
    model.charge_activation(fmt::format("'{}': input '{}'", model.origin, name), shape);
    graph.input = model.activations[name] = graph.add_value(name, shape);
  }
  if (graph.input < 0) fail("'{}': the graph has no input", model.origin);
}

// Names, counts and kinds of a node's parts against the row of its operator.
void check_node(const NodeReader& n, const Operator& row) {
  const int given = n.proto.input_size();
  if (given < row.min_inputs || given > row.max_inputs) {
    fail("{}: it has {} inputs; supported are {} to {}", n.where(), given, row.min_inputs, row.max_inputs);
  }
  std::set<std::string> seen;
  for (const auto& a : n.proto.attribute()) {
    if (!seen.insert(a.name()).second) fail("{}: attribute '{}' is given twice", n.where(), a.name());
    if (!a.ref_attr_name().empty())
      fail("{}: attribute '{}' refers to a function's attribute, which is not supported", n.where(), a.name());
    std::istringstream names(row.attributes);
    std::string name, list;
    bool known = false;
    while (names >> name) {
      known = known || name == a.name();
      list += (list.empty() ? "" : ", ") + name;
    }
    if (!known)
      fail("{}: attribute '{}' is not supported; supported are: {}", n.where(), a.name(), list.empty() ? "none" : list);
  }
}

// Each name is computed once; `unusable` says "later" for it until now.
void check_outputs(const NodeReader& n) {
  Model& model = n.model;
  if (n.proto.output_size() < 1 || n.proto.output(0).empty()) fail("{}: it has no output", n.where());
  for (int i = 0; i < n.proto.output_size(); ++i) {
    const std::string& name = n.proto.output(i);
    if (name.empty()) continue;
    if (!model.unusable.erase(name) || model.constants.contains(name) || model.activations.contains(name)) {
      fail("{}: its output '{}' is defined twice", n.where(), name);
    }
  }
  for (int i = 1; i < n.proto.output_size(); ++i) {
    if (n.proto.output(i) == n.proto.output(0))
      fail("{}: its output '{}' is defined twice", n.where(), n.proto.output(0));
    model.unusable[n.proto.output(i)] = "is a secondary result (mask, indices, statistics), which is not supported";
  }
}

void read_node(Model& model, const onnx::NodeProto& proto) {
  const NodeReader n(model, proto);
  check_outputs(n);
  if (!proto.domain().empty() && proto.domain() != "ai.onnx") {
    fail("{}: domain '{}' is not supported; the standard operators of ONNX are", n.where(), proto.domain());
  }
  const Operator* row = find_operator(proto.op_type());
  if (!row) fail("{}: this operator is not supported; supported are {}", n.where(), fmt::join(operator_names(), ", "));
  check_node(n, *row);
  bool constant = true;
  for (int i = 0; i < proto.input_size(); ++i) constant = constant && (!n.has_input(i) || n.constant(i));
  if (constant && row->fold) return n.define(row->fold(n));
  if (!row->lower) {
    for (int i = 0; i < proto.input_size(); ++i) {
      if (n.has_input(i) && !n.constant(i)) n.activation(i);
    }
    fail("{}: this operator is supported on constants only; its input is computed from the image", n.where());
  }
  row->lower(n);
}

// Class scores are the one result. Further outputs must be constants, or something asked for would be missing unsaid.
void check_graph_outputs(const Model& model, const onnx::GraphProto& proto) {
  std::vector<std::string> computed;
  for (const auto& output : proto.output()) {
    if (!model.constants.contains(output.name())) computed.push_back("'" + output.name() + "'");
  }
  if (computed.size() > 1) {
    fail("'{}': it has the outputs {}; one is supported", model.origin, fmt::join(computed, ", "));
  }
}

Graph read_model(const onnx::ModelProto& proto, const std::string& origin, const OnnxLimits& limits) {
  const onnx::GraphProto& graph = proto.graph();
  if (graph.node_size() == 0) fail("'{}' is not an ONNX file: it holds no graph", origin);
  if (graph.node_size() > max_nodes)
    fail("'{}' has {} nodes; at most {} are supported", origin, graph.node_size(), max_nodes);
  Model model;
  model.origin = origin;
  model.limits = limits;
  read_opset(model, proto);
  std::set<std::string> functions;
  for (const auto& f : proto.functions()) functions.insert(f.domain() + ":" + f.name());
  if (graph.output_size() < 1) fail("'{}': the graph has no output", origin);
  model.output = graph.output(0).name();
  model.graph.name = graph.name().empty() ? origin : graph.name();
  read_initializers(model, graph);
  read_input(model, graph);
  for (const auto& node : graph.node()) {
    for (const auto& name : node.output())
      model.unusable[name] = "is computed by a later node; nodes must be in the order of computation";
  }
  for (const auto& node : graph.node()) {
    if (functions.contains(node.domain() + ":" + node.op_type())) {
      fail("{}: it calls a function of the model, which is not supported; inline the functions",
           NodeReader(model, node).where());
    }
    read_node(model, node);
  }
  check_graph_outputs(model, graph);
  const auto found = model.activations.find(model.output);
  if (found == model.activations.end()) fail("'{}': output '{}' is not computed from the input", origin, model.output);
  model.graph.output = found->second;
  if (model.graph.output == model.graph.input)
    fail("'{}': its output is its input; there is nothing to compute", origin);
  try {
    validate(model.graph);
  } catch (const Error& e) {
    fail("'{}': {}", origin, e.what());
  }
  return std::move(model.graph);
}

// Names in the file may hold anything: an error stays one line of bounded length.
std::string one_line(std::string text) {
  constexpr std::size_t longest = 2000;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  }
  if (text.size() > longest) text = text.substr(0, longest) + "...";
  return text;
}

}  // namespace

Graph parse_onnx(std::string_view bytes, const std::string& origin, const OnnxLimits& limits) {
  onnx::ModelProto model;
  if (bytes.size() > std::numeric_limits<int>::max())
    fail("'{}' is larger than 2 GB, more than an ONNX file can be", origin);
  if (parsed_size(bytes, limits.parsed_bytes) > limits.parsed_bytes) {
    fail("'{}' would take more than {} MiB of memory once parsed", origin, limits.parsed_bytes >> 20);
  }
  if (bytes.empty() || !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    fail("'{}' is not an ONNX file, or it is truncated", origin);
  }
  try {
    return read_model(model, origin, limits);
  } catch (const Error& e) {
    throw Error(one_line(e.what()), e.kind());
  }
}

Graph load_onnx(const std::string& path) { return parse_onnx(read_file(path, std::uint64_t{2} << 30), path); }

std::vector<std::string> supported_onnx_operators() { return operator_names(); }

}  // namespace bitsieve
