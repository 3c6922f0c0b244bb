#include "graph/onnx/reader.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "base/files.h"

namespace bitsieve {
namespace {

constexpr std::int64_t max_tensor_elements = std::int64_t{1} << 28;

// A constant known at load time, in its file's shape. Integers are exact in double up to 2^53, more than any extent.
struct Constant {
  Shape shape;
  std::vector<double> data;
};

template <class T>
void append_raw(const std::string& raw, std::vector<double>& out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, raw.data() + i * sizeof(T), sizeof(T));
    out.push_back(static_cast<double>(value));
  }
}

Constant decode(const onnx::TensorProto& t, const std::string& where) {
  Constant c;
  if (t.data_location() == onnx::TensorProto::EXTERNAL) fail("{}: tensor '{}' is in another file; external data is not supported", where, t.name());
  for (const std::int64_t d : t.dims()) {
    if (d < 0 || d > max_tensor_elements) fail("{}: tensor '{}' has a bad dimension {}", where, t.name(), d);
    c.shape.push_back(d);
  }
  const std::int64_t count = element_count(c.shape);
  if (count > max_tensor_elements) fail("{}: tensor '{}' is too large", where, t.name());
  const auto n = static_cast<std::size_t>(count);
  const std::string& raw = t.raw_data();
  const auto take = [&](auto example, const auto& typed) {
    using T = decltype(example);
    if (t.has_raw_data()) {
      if (raw.size() != n * sizeof(T)) fail("{}: tensor '{}' announces {} elements and holds {} bytes", where, t.name(), count, raw.size());
      c.data.reserve(n);
      append_raw<T>(raw, c.data, n);
    } else {
      if (static_cast<std::size_t>(typed.size()) != n) fail("{}: tensor '{}' announces {} elements and holds {}", where, t.name(), count, typed.size());
      c.data.assign(typed.begin(), typed.end());
    }
  };
  switch (t.data_type()) {
    case onnx::TensorProto::FLOAT: take(float{}, t.float_data()); break;
    case onnx::TensorProto::DOUBLE: take(double{}, t.double_data()); break;
    case onnx::TensorProto::INT64: take(std::int64_t{}, t.int64_data()); break;
    case onnx::TensorProto::INT32: take(std::int32_t{}, t.int32_data()); break;
    case onnx::TensorProto::INT8: take(std::int8_t{}, t.int32_data()); break;
    case onnx::TensorProto::UINT8: take(std::uint8_t{}, t.int32_data()); break;
    case onnx::TensorProto::BOOL: take(std::uint8_t{}, t.int32_data()); break;
    default:
      fail("{}: tensor '{}' has element type {}; supported are float, double, int64, int32, int8, uint8, bool", where, t.name(), t.data_type());
  }
  return c;
}

class Reader {
 public:
  Reader(const onnx::ModelProto& model, const std::string& origin) : model_(model), origin_(origin) {}

  Graph run() {
    const onnx::GraphProto& proto = model_.graph();
    if (proto.node_size() == 0) fail("'{}' is not an ONNX file: it holds no graph", origin_);
    for (const auto& import : model_.opset_import()) {
      if (!import.domain().empty() && import.domain() != "ai.onnx") continue;
      opset_ = import.version();
    }
    if (opset_ < 7 || opset_ > 21) fail("'{}' has opset {}; supported are 7 to 21", origin_, opset_);
    graph_.name = proto.name().empty() ? origin_ : proto.name();
    for (const auto& t : proto.initializer()) constants_[t.name()] = decode(t, origin_);
    read_input();
    for (const auto& node : proto.node()) read_node(node);
    if (proto.output_size() < 1) fail("'{}': the graph has no output", origin_);
    const auto found = values_.find(proto.output(0).name());
    if (found == values_.end()) fail("'{}': output '{}' is not computed from the input", origin_, proto.output(0).name());
    graph_.output = found->second;
    return std::move(graph_);
  }

 private:
  using NodeProto = onnx::NodeProto;

  // The file, node and operator an error is about.
  std::string where(const NodeProto& n) const {
    return fmt::format("'{}': node '{}' ({})", origin_, n.name().empty() && n.output_size() ? n.output(0) : n.name(), n.op_type());
  }

  void read_input() {
    for (const auto& input : model_.graph().input()) {
      if (constants_.contains(input.name())) continue;
      if (graph_.input >= 0) fail("'{}': it has the inputs '{}' and '{}'; one is supported", origin_, graph_.values[0].name, input.name());
      const auto& type = input.type().tensor_type();
      if (type.elem_type() != onnx::TensorProto::FLOAT) fail("'{}': input '{}' is not float32", origin_, input.name());
      Shape shape;
      for (int i = 1; i < type.shape().dim_size(); ++i) {
        const std::int64_t d = type.shape().dim(i).dim_value();
        if (d < 1) fail("'{}': input '{}', dimension {} is not fixed; only the batch may be free", origin_, input.name(), i);
        shape.push_back(d);
      }
      if (shape.empty() || element_count(shape) > max_tensor_elements) fail("'{}': input '{}' has a bad shape", origin_, input.name());
      graph_.input = values_[input.name()] = graph_.add_value(input.name(), shape);
    }
    if (graph_.input < 0) fail("'{}': the graph has no input", origin_);
  }

  const onnx::AttributeProto* attribute(const NodeProto& n, const char* name) const {
    for (const auto& a : n.attribute()) {
      if (a.name() == name) return &a;
    }
    return nullptr;
  }
  std::int64_t integer(const NodeProto& n, const char* name, std::int64_t otherwise) const {
    const auto* a = attribute(n, name);
    return a ? a->i() : otherwise;
  }
  float real(const NodeProto& n, const char* name, float otherwise) const {
    const auto* a = attribute(n, name);
    return a ? a->f() : otherwise;
  }
  std::vector<std::int64_t> integers(const NodeProto& n, const char* name) const {
    const auto* a = attribute(n, name);
    return a ? std::vector<std::int64_t>(a->ints().begin(), a->ints().end()) : std::vector<std::int64_t>{};
  }

  bool has_input(const NodeProto& n, int i) const { return i < n.input_size() && !n.input(i).empty(); }

  const Constant* constant(const NodeProto& n, int i) const {
    if (!has_input(n, i)) return nullptr;
    const auto found = constants_.find(n.input(i));
    return found == constants_.end() ? nullptr : &found->second;
  }
  const Constant& need_constant(const NodeProto& n, int i, const char* what) const {
    const Constant* c = constant(n, i);
    if (!c) fail("{}: its {} must be a constant", where(n), what);
    return *c;
  }
  std::vector<std::int64_t> constant_integers(const NodeProto& n, int i, const char* what) const {
    std::vector<std::int64_t> result;
    for (const double d : need_constant(n, i, what).data) {
      if (!(std::abs(d) < 9.3e18)) fail("{}: bad {}", where(n), what);
      result.push_back(static_cast<std::int64_t>(d));
    }
    return result;
  }
  // An attribute in old opsets, an input in new ones.
  std::vector<std::int64_t> attribute_or_input(const NodeProto& n, const char* name, int i) const {
    return attribute(n, name) || !has_input(n, i) ? integers(n, name) : constant_integers(n, i, name);
  }

  Tensor tensor(const Constant& c) const {
    Tensor t(c.shape);
    std::transform(c.data.begin(), c.data.end(), t.data.begin(), [](double d) { return static_cast<float>(d); });
    return t;
  }

  ValueId activation(const NodeProto& n, int i) {
    if (!has_input(n, i)) fail("{}: input {} is missing", where(n), i);
    const auto found = values_.find(n.input(i));
    if (found == values_.end()) fail("{}: input '{}' is not computed before it", where(n), n.input(i));
    return found->second;
  }

  // Binary operands: an activation, or a constant without its batch dimension.
  ValueId operand(const NodeProto& n, int i, std::size_t rank) {
    const Constant* c = constant(n, i);
    if (!c) return activation(n, i);
    Tensor t = tensor(*c);
    if (t.shape.size() == rank + 1) {
      if (t.shape[0] != 1) fail("{}: a constant over the batch is not supported", where(n));
      t.shape.erase(t.shape.begin());
    }
    const ValueId id = graph_.add_value(fmt::format("{}#{}", n.input(i), graph_.values.size()), t.shape);
    graph_.values.back().constant = std::make_shared<const Tensor>(std::move(t));
    return id;
  }

  // Per-image axis of an ONNX axis that may be negative; the batch is not allowed.
  std::int64_t axis_of(const NodeProto& n, std::int64_t axis, std::size_t rank) const {
    const auto full = static_cast<std::int64_t>(rank) + 1;
    if (axis < -full || axis >= full) fail("{}: axis {} is out of range", where(n), axis);
    if (axis < 0) axis += full;
    if (axis == 0) fail("{}: working along the batch is not supported", where(n));
    return axis - 1;
  }

  void read_node(const NodeProto& n) {
    if (n.output_size() < 1 || n.output(0).empty()) fail("{}: it has no output", where(n));
    if (!n.domain().empty() && n.domain() != "ai.onnx") fail("{}: domain '{}' is not supported", where(n), n.domain());
    if (fold(n)) return;
    const auto found = lowerings().find(n.op_type());
    if (found == lowerings().end()) {
      std::string names;
      for (const auto& [name, unused] : lowerings()) names += (names.empty() ? "" : ", ") + name;
      fail("{}: this operator is not supported; supported are {}", where(n), names);
    }
    Node node;
    node.op = found->second.op;
    node.name = unique_name(n);
    if (node.op != Op::add && node.op != Op::sub && node.op != Op::mul && node.op != Op::div) node.inputs = {activation(n, 0)};
    found->second.fill(*this, n, node);
    if (node.output == alias) {  // Identity and its kind
      values_[n.output(0)] = node.inputs[0];
      return;
    }
    const bool shaped = node.op == Op::reshape;  // its lowering leaves the shape in attributes.axes
    const ValueId out = graph_.add_value(n.output(0), shaped ? node.attributes.axes : Shape{});
    if (shaped) node.attributes.axes.clear();
    node.output = out;
    Shape shape;
    try {
      shape = infer_shape(graph_, node);
    } catch (const Error& e) {
      fail("'{}': {}", origin_, e.what());
    }
    if (element_count(shape) > max_tensor_elements) fail("{}: its result of {} is too large", where(n), to_string(shape));
    graph_.values.back().shape = shape;
    values_[n.output(0)] = out;
    graph_.nodes.push_back(std::move(node));
  }

  std::string unique_name(const NodeProto& n) {
    const std::string base = n.name().empty() ? n.output(0) : n.name();
    std::string name = base;
    for (int i = 2; !names_.insert(name).second; ++i) name = fmt::format("{}_{}", base, i);
    return name;
  }

  // Evaluates nodes whose result is known at load time, at batch 1. True when done.
  bool fold(const NodeProto& n) {
    const std::string& op = n.op_type();
    if (op == "Constant") {
      if (const auto* a = attribute(n, "value")) {
        constants_[n.output(0)] = decode(a->t(), where(n));
      } else if (const auto* f = attribute(n, "value_float")) {
        constants_[n.output(0)] = {{}, {f->f()}};
      } else if (const auto* i = attribute(n, "value_int")) {
        constants_[n.output(0)] = {{}, {static_cast<double>(i->i())}};
      } else if (const auto* is = attribute(n, "value_ints")) {
        constants_[n.output(0)] = {{is->ints_size()}, {is->ints().begin(), is->ints().end()}};
      } else {
        fail("{}: this form of Constant is not supported", where(n));
      }
      return true;
    }
    if (op == "Shape") {
      if (constant(n, 0)) return false;
      Constant c{{}, {1}};
      for (const std::int64_t d : graph_.shape(activation(n, 0))) c.data.push_back(static_cast<double>(d));
      c.shape = {static_cast<std::int64_t>(c.data.size())};
      constants_[n.output(0)] = std::move(c);
      return true;
    }
    for (int i = 0; i < n.input_size(); ++i) {
      if (!constant(n, i)) return false;
    }
    if (n.input_size() == 0) return false;
    const Constant& a = *constant(n, 0);
    Constant result = a;
    if (op == "Identity" || op == "Cast") {
    } else if (op == "Unsqueeze" || op == "Squeeze" || op == "Reshape") {
      // Only vectors of extents and scalars pass through here: the data stay, the shape is a vector again.
      result.shape = {static_cast<std::int64_t>(a.data.size())};
      if (op == "Squeeze" && a.data.size() == 1) result.shape = {};
      if (a.shape.size() > 1) return false;
    } else if (op == "Gather") {
      const Constant& index = need_constant(n, 1, "index");
      if (a.shape.size() != 1) return false;
      result = {index.shape, {}};
      for (double d : index.data) {
        if (d < 0) d += static_cast<double>(a.data.size());
        if (!(d >= 0) || d >= static_cast<double>(a.data.size())) fail("{}: index out of range", where(n));
        result.data.push_back(a.data[static_cast<std::size_t>(d)]);
      }
    } else if (op == "Concat") {
      for (int i = 1; i < n.input_size(); ++i) {
        const Constant& b = *constant(n, i);
        if (a.shape.size() != 1 || b.shape.size() != 1) return false;
        result.data.insert(result.data.end(), b.data.begin(), b.data.end());
      }
      result.shape = {static_cast<std::int64_t>(result.data.size())};
    } else if ((op == "Add" || op == "Sub" || op == "Mul" || op == "Div") && n.input_size() == 2) {
      const Constant& b = *constant(n, 1);
      if (a.data.size() != b.data.size() && b.data.size() != 1) return false;
      for (std::size_t i = 0; i < a.data.size(); ++i) {
        const double y = b.data[b.data.size() == 1 ? 0 : i];
        double& x = result.data[i];
        x = op == "Add" ? x + y : op == "Sub" ? x - y : op == "Mul" ? x * y : x / y;
      }
    } else {
      return false;
    }
    constants_[n.output(0)] = std::move(result);
    return true;
  }

  void window(const NodeProto& n, Node& node, std::vector<std::int64_t> kernel) {
    Window& w = node.attributes.window;
    const Shape& in = graph_.shape(node.inputs[0]);
    if (in.size() != 3 || kernel.size() != 2) fail("{}: only two-dimensional windows are supported", where(n));
    std::vector<std::int64_t> stride = integers(n, "strides"), dilation = integers(n, "dilations"), pads = integers(n, "pads");
    if (stride.empty()) stride = {1, 1};
    if (dilation.empty()) dilation = {1, 1};
    if (pads.empty()) pads = {0, 0, 0, 0};
    if (stride.size() != 2 || dilation.size() != 2 || pads.size() != 4) fail("{}: strides, dilations or pads have a wrong length", where(n));
    const auto* auto_pad_attribute = attribute(n, "auto_pad");
    const std::string auto_pad = auto_pad_attribute ? auto_pad_attribute->s() : "NOTSET";
    const bool same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
    if (!same && auto_pad != "NOTSET" && auto_pad != "VALID") fail("{}: auto_pad '{}' is not supported", where(n), auto_pad);
    constexpr std::int64_t limit = 1 << 16;
    for (std::size_t i = 0; i < 2; ++i) {
      for (const std::int64_t v : {kernel[i], stride[i], dilation[i]}) {
        if (v < 1 || v > limit) fail("{}: kernel, stride and dilation must be 1 to {}", where(n), limit);
      }
      for (const std::int64_t v : {pads[i], pads[i + 2]}) {
        if (v < 0 || v > limit) fail("{}: pads must be 0 to {}", where(n), limit);
      }
      w.kernel[i] = kernel[i];
      w.stride[i] = stride[i];
      w.dilation[i] = dilation[i];
      const std::int64_t extent = in[i + 1], span = (kernel[i] - 1) * dilation[i] + 1;
      if (same) {
        const std::int64_t out = (extent + stride[i] - 1) / stride[i];
        const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * stride[i] + span - extent);
        w.pad_before[i] = auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
        w.pad_after[i] = total - w.pad_before[i];
      } else if (auto_pad == "NOTSET") {
        w.pad_before[i] = pads[i];
        w.pad_after[i] = pads[i + 2];
      }
    }
    if (integer(n, "ceil_mode", 0)) ceil_mode(in, w);
  }

  // ceil_mode is more padding at the end, unless the last window would start beyond the padded input.
  static void ceil_mode(const Shape& in, Window& w) {
    for (std::size_t i = 0; i < 2; ++i) {
      const std::int64_t span = (w.kernel[i] - 1) * w.dilation[i] + 1;
      const std::int64_t free = in[i + 1] + w.pad_before[i] + w.pad_after[i] - span;
      if (free < 0) continue;
      std::int64_t out = (free + w.stride[i] - 1) / w.stride[i] + 1;
      if ((out - 1) * w.stride[i] >= in[i + 1] + w.pad_before[i]) --out;
      w.pad_after[i] += std::max<std::int64_t>(0, (out - 1) * w.stride[i] - free);
    }
  }

  void conv(const NodeProto& n, Node& node) {
    node.params.push_back(tensor(need_constant(n, 1, "weight")));
    const Shape w = node.weight().shape;
    if (w.size() != 4) fail("{}: only two-dimensional convolutions are supported; its weight is {}", where(n), to_string(w));
    if (has_input(n, 2)) node.params.push_back(tensor(need_constant(n, 2, "bias")));
    window(n, node, {w[2], w[3]});
    node.attributes.window.groups = integer(n, "group", 1);
  }

  void gemm(const NodeProto& n, Node& node) {
    if (integer(n, "transA", 0)) fail("{}: transA = 1 is not supported (it transposes the batch)", where(n));
    const Tensor b = tensor(need_constant(n, 1, "weight"));
    if (b.shape.size() != 2) fail("{}: its weight must be a matrix", where(n));
    const bool transposed = integer(n, "transB", 0) != 0;
    const float alpha = real(n, "alpha", 1), beta = real(n, "beta", 1);
    const std::int64_t outputs = b.shape[transposed ? 0 : 1], k = b.shape[transposed ? 1 : 0];
    node.params.push_back(matrix(b, outputs, k, transposed, alpha));
    if (has_input(n, 2)) {
      Tensor c = tensor(need_constant(n, 2, "bias"));
      if (c.size() != 1 && c.size() != outputs) fail("{}: its bias has {} values, not {}", where(n), c.size(), outputs);
      Tensor bias({outputs});
      for (std::size_t o = 0; o < bias.data.size(); ++o) bias.data[o] = beta * c.data[c.size() == 1 ? 0 : o];
      node.params.push_back(std::move(bias));
    }
  }

  static Tensor matrix(const Tensor& b, std::int64_t outputs, std::int64_t k, bool transposed, float alpha) {
    Tensor w({outputs, k});
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t i = 0; i < k; ++i) {
        w.data[static_cast<std::size_t>(o * k + i)] = alpha * b.data[static_cast<std::size_t>(transposed ? o * k + i : i * outputs + o)];
      }
    }
    return w;
  }

  void matmul(const NodeProto& n, Node& node) {
    const Constant* c = constant(n, 1);
    if (!c) {
      node.op = Op::matmul;
      node.inputs.push_back(activation(n, 1));
      return;
    }
    if (c->shape.size() != 2) fail("{}: its constant must be a matrix", where(n));
    const Tensor b = tensor(*c);
    node.params.push_back(matrix(b, b.shape[1], b.shape[0], false, 1));
  }

  void batch_norm(const NodeProto& n, Node& node) {
    for (int i = 1; i <= 4; ++i) node.params.push_back(tensor(need_constant(n, i, "parameters")));
    node.attributes.epsilon = real(n, "epsilon", 1e-5f);
    for (const float v : node.params[3].data) {
      if (!(v + node.attributes.epsilon > 0)) fail("{}: a variance is not positive", where(n));
    }
  }

  void clip(const NodeProto& n, Node& node) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    node.attributes.lo = real(n, "min", -infinity);
    node.attributes.hi = real(n, "max", infinity);
    if (has_input(n, 1)) node.attributes.lo = tensor(need_constant(n, 1, "min")).data.at(0);
    if (has_input(n, 2)) node.attributes.hi = tensor(need_constant(n, 2, "max")).data.at(0);
    if (!(node.attributes.lo <= node.attributes.hi)) fail("{}: min is greater than max", where(n));
  }

  void binary(const NodeProto& n, Node& node) {
    if (n.input_size() != 2) fail("{}: it needs two inputs", where(n));
    const std::size_t rank = graph_.shape(activation(n, constant(n, 0) ? 1 : 0)).size();
    node.inputs = {operand(n, 0, rank), operand(n, 1, rank)};
  }

  void concat(const NodeProto& n, Node& node) {
    node.inputs.clear();
    for (int i = 0; i < n.input_size(); ++i) node.inputs.push_back(activation(n, i));
    node.attributes.axis = axis_of(n, integer(n, "axis", 1), graph_.shape(node.inputs[0]).size());
  }

  void slice(const NodeProto& n, Node& node) {
    const Shape& in = graph_.shape(node.inputs[0]);
    const auto starts = attribute_or_input(n, "starts", 1), ends = attribute_or_input(n, "ends", 2);
    auto axes = attribute_or_input(n, "axes", 3), steps = has_input(n, 4) ? constant_integers(n, 4, "steps") : std::vector<std::int64_t>{};
    if (axes.empty()) {
      for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
    }
    steps.resize(steps.empty() ? starts.size() : steps.size(), 1);
    if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) fail("{}: starts, ends, axes and steps differ in length", where(n));
    Attributes& a = node.attributes;
    a.starts.assign(in.size(), 0);
    a.ends.assign(in.begin(), in.end());
    a.steps.assign(in.size(), 1);
    for (std::size_t i = 0; i < starts.size(); ++i) {
      const auto axis = static_cast<std::size_t>(axis_of(n, axes[i], in.size()));
      const auto clamp = [&](std::int64_t v) { return std::clamp<std::int64_t>(v < 0 ? std::max(v, -in[axis]) + in[axis] : v, 0, in[axis]); };
      a.starts[axis] = clamp(starts[i]);
      a.ends[axis] = clamp(ends[i]);
      a.steps[axis] = steps[i];
    }
  }

  void pad(const NodeProto& n, Node& node) {
    const auto* mode = attribute(n, "mode");
    if (mode && !mode->s().empty() && mode->s() != "constant") fail("{}: mode '{}' is not supported; constant is", where(n), mode->s());
    const std::size_t rank = graph_.shape(node.inputs[0]).size();
    const auto pads = attribute_or_input(n, "pads", 1);
    if (has_input(n, 3)) fail("{}: the input axes is not supported", where(n));
    if (pads.size() != 2 * (rank + 1)) fail("{}: it has {} pads, not {}", where(n), pads.size(), 2 * (rank + 1));
    if (pads[0] || pads[rank + 1]) fail("{}: padding the batch is not supported", where(n));
    node.attributes.before.assign(pads.begin() + 1, pads.begin() + 1 + static_cast<std::ptrdiff_t>(rank));
    node.attributes.after.assign(pads.begin() + 2 + static_cast<std::ptrdiff_t>(rank), pads.end());
    node.attributes.value = has_input(n, 2) ? tensor(need_constant(n, 2, "value")).data.at(0) : real(n, "value", 0);
  }

  void pool(const NodeProto& n, Node& node) {
    if (n.output_size() > 1 && !n.output(1).empty()) fail("{}: the output Indices is not supported", where(n));
    window(n, node, integers(n, "kernel_shape"));
    node.attributes.window.count_include_pad = integer(n, "count_include_pad", 0) != 0;
  }

  void global_pool(const NodeProto& n, Node& node) {
    const Shape& in = graph_.shape(node.inputs[0]);
    if (in.size() != 3) fail("{}: it needs a feature map", where(n));
    if (node.op == Op::max_pool) node.attributes.window.kernel = {in[1], in[2]};
    node.attributes.axes = {1, 2};
  }

  void reduce_mean(const NodeProto& n, Node& node) {
    const std::size_t rank = graph_.shape(node.inputs[0]).size();
    auto axes = attribute_or_input(n, "axes", 1);
    if (axes.empty()) fail("{}: reducing every axis, the batch included, is not supported", where(n));
    std::set<std::int64_t> sorted;
    for (const std::int64_t axis : axes) sorted.insert(axis_of(n, axis, rank));
    node.attributes.axes.assign(sorted.begin(), sorted.end());
    node.attributes.keep_dims = integer(n, "keepdims", 1) != 0;
  }

  void reshape(const NodeProto& n, Node& node) {
    const Shape& in = graph_.shape(node.inputs[0]);
    auto target = constant_integers(n, 1, "shape");
    if (target.empty()) fail("{}: it removes the batch", where(n));
    const std::int64_t count = element_count(in);
    for (std::size_t i = 0; i < target.size(); ++i) {
      if (target[i] != 0 || integer(n, "allowzero", 0)) continue;
      if (i > in.size()) fail("{}: no input dimension {} to copy", where(n), i);
      target[i] = i == 0 ? 1 : in[i - 1];
    }
    Shape rest(target.begin() + 1, target.end());
    std::int64_t known = 1;
    int open = 0;
    for (const std::int64_t d : rest) {
      if (d < -1 || d == 0 || d > max_tensor_elements) fail("{}: bad target dimension {}", where(n), d);
      open += d == -1;
      if (d > 0 && known <= max_tensor_elements) known *= d;
    }
    if (open > 1 || (open == 1 && target[0] == -1)) fail("{}: more than one dimension is -1", where(n));
    if (open == 1) std::replace(rest.begin(), rest.end(), std::int64_t{-1}, std::max<std::int64_t>(count / std::max<std::int64_t>(known, 1), 1));
    if (element_count(rest) != count) fail("{}: {} per image does not fit the target; mixing the batch with other dimensions is not supported", where(n), to_string(in));
    node.attributes.axes = rest;
  }

  void flatten(const NodeProto& n, Node& node) {
    const Shape& in = graph_.shape(node.inputs[0]);
    const std::int64_t axis = integer(n, "axis", 1);
    if (axis != 1 && axis != -static_cast<std::int64_t>(in.size())) fail("{}: axis {} is not supported; 1 is", where(n), axis);
    node.attributes.axes = {element_count(in)};
  }

  void squeeze(const NodeProto& n, Node& node) {
    const Shape& in = graph_.shape(node.inputs[0]);
    std::set<std::int64_t> axes;
    for (const std::int64_t axis : attribute_or_input(n, "axes", 1)) axes.insert(axis_of(n, axis, in.size()));
    Shape out;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const bool named = axes.contains(static_cast<std::int64_t>(i));
      if (named && in[i] != 1) fail("{}: axis {} has {} elements", where(n), i + 1, in[i]);
      if (!(named || (axes.empty() && in[i] == 1))) out.push_back(in[i]);
    }
    node.attributes.axes = out;
  }

  void unsqueeze(const NodeProto& n, Node& node) {
    Shape out = graph_.shape(node.inputs[0]);
    const auto axes = attribute_or_input(n, "axes", 1);
    std::set<std::int64_t> sorted;
    for (const std::int64_t axis : axes) sorted.insert(axis_of(n, axis, out.size() + axes.size()));
    for (const std::int64_t axis : sorted) {
      if (axis > static_cast<std::int64_t>(out.size())) fail("{}: axis out of range", where(n));
      out.insert(out.begin() + axis, 1);
    }
    node.attributes.axes = out;
  }

  void transpose(const NodeProto& n, Node& node) {
    const std::size_t rank = graph_.shape(node.inputs[0]).size();
    const auto permutation = integers(n, "perm");
    if (permutation.size() != rank + 1 || permutation[0] != 0) fail("{}: it must leave the batch in front", where(n));
    std::set<std::int64_t> seen;
    for (std::size_t i = 1; i < permutation.size(); ++i) {
      node.attributes.axes.push_back(axis_of(n, permutation[i], rank));
      if (!seen.insert(node.attributes.axes.back()).second) fail("{}: not a permutation", where(n));
    }
  }

  void softmax(const NodeProto& n, Node& node) {
    const std::size_t rank = graph_.shape(node.inputs[0]).size();
    const std::int64_t axis = integer(n, "axis", opset_ < 13 ? 1 : -1);
    node.attributes.axis = axis_of(n, axis, rank);
    if (opset_ < 13 && node.attributes.axis + 1 != static_cast<std::int64_t>(rank)) fail("{}: before opset 13 only the last axis is supported", where(n));
  }

  static constexpr ValueId alias = -2;

  struct Lowering {
    Op op;
    std::function<void(Reader&, const NodeProto&, Node&)> fill;
  };

  static const std::map<std::string, Lowering>& lowerings() {
    const auto nothing = [](Reader&, const NodeProto&, Node&) {};
    const auto pass = [](Reader&, const NodeProto&, Node& node) { node.output = alias; };
    static const std::map<std::string, Lowering> table = {
        {"Add", {Op::add, &Reader::binary}}, {"Sub", {Op::sub, &Reader::binary}},
        {"Mul", {Op::mul, &Reader::binary}}, {"Div", {Op::div, &Reader::binary}},
        {"Conv", {Op::conv, &Reader::conv}}, {"Gemm", {Op::linear, &Reader::gemm}}, {"MatMul", {Op::linear, &Reader::matmul}},
        {"BatchNormalization", {Op::batch_norm, &Reader::batch_norm}}, {"Relu", {Op::relu, nothing}},
        {"LeakyRelu", {Op::leaky_relu, [](Reader& r, const NodeProto& n, Node& node) { node.attributes.alpha = r.real(n, "alpha", 0.01f); }}},
        {"Clip", {Op::clip, &Reader::clip}}, {"Sigmoid", {Op::sigmoid, nothing}},
        {"HardSigmoid", {Op::hard_sigmoid, [](Reader& r, const NodeProto& n, Node& node) {
           node.attributes.alpha = r.real(n, "alpha", 0.2f);
           node.attributes.beta = r.real(n, "beta", 0.5f);
         }}},
        {"HardSwish", {Op::hard_swish, nothing}}, {"Concat", {Op::concat, &Reader::concat}},
        {"Slice", {Op::slice, &Reader::slice}}, {"Pad", {Op::pad, &Reader::pad}},
        {"MaxPool", {Op::max_pool, &Reader::pool}}, {"AveragePool", {Op::average_pool, &Reader::pool}},
        {"GlobalAveragePool", {Op::reduce_mean, &Reader::global_pool}}, {"GlobalMaxPool", {Op::max_pool, &Reader::global_pool}},
        {"ReduceMean", {Op::reduce_mean, &Reader::reduce_mean}}, {"Flatten", {Op::reshape, &Reader::flatten}},
        {"Reshape", {Op::reshape, &Reader::reshape}}, {"Squeeze", {Op::reshape, &Reader::squeeze}},
        {"Unsqueeze", {Op::reshape, &Reader::unsqueeze}}, {"Transpose", {Op::transpose, &Reader::transpose}},
        {"Softmax", {Op::softmax, &Reader::softmax}}, {"Identity", {Op::relu, pass}}, {"Dropout", {Op::relu, pass}},
    };
    return table;
  }

  const onnx::ModelProto& model_;
  const std::string& origin_;
  std::int64_t opset_ = 0;
  Graph graph_;
  std::map<std::string, Constant> constants_;
  std::map<std::string, ValueId> values_;
  std::set<std::string> names_;
};

}  // namespace

Graph parse_onnx(std::string_view bytes, const std::string& origin) {
  onnx::ModelProto model;
  if (bytes.size() > std::numeric_limits<int>::max()) fail("'{}' is larger than 2 GB, more than an ONNX file can be", origin);
  if (bytes.empty() || !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    fail("'{}' is not an ONNX file, or it is truncated", origin);
  }
  Graph graph = Reader(model, origin).run();
  validate(graph);
  return graph;
}

Graph load_onnx(const std::string& path) { return parse_onnx(read_file(path, std::uint64_t{2} << 30), path); }

}  // namespace bitsieve
