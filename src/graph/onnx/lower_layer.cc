// Conv, Gemm, MatMul and BatchNormalization.
#include "graph/onnx/import.h"

namespace bitsieve::importer {
namespace {

// w[o][k] = alpha * b, where b is stored [o][k] (transposed) or [k][o].
Tensor matrix(const Tensor& b, bool transposed, float alpha) {
  const auto outputs = static_cast<std::size_t>(b.shape[transposed ? 0 : 1]),
             depth = static_cast<std::size_t>(b.shape[transposed ? 1 : 0]);
  Tensor w({b.shape[transposed ? 0 : 1], b.shape[transposed ? 1 : 0]});
  for (std::size_t o = 0; o < outputs; ++o) {
    for (std::size_t k = 0; k < depth; ++k) {
      w.data[o * depth + k] = alpha * b.data[transposed ? o * depth + k : k * outputs + o];
    }
  }
  return w;
}

}  // namespace

void lower_conv(const NodeReader& n) {
  std::vector<Tensor> params = {n.weight(1, "weight")};
  const Shape w = params[0].shape;
  if (w.size() != 4) {
    fail("{}: its weight '{}' is {}; only two-dimensional convolutions (weights OxIxHxW) are supported", n.where(),
         n.proto.input(1), to_string(w));
  }
  const auto stated = n.integers("kernel_shape");
  if (n.has_attribute("kernel_shape") && stated != std::vector<std::int64_t>{w[2], w[3]}) {
    fail("{}: kernel_shape differs from its weight's {}x{}", n.where(), w[2], w[3]);
  }
  if (n.has_input(2)) params.push_back(n.weight(2, "bias"));
  Attributes attributes;
  attributes.window = read_window(n, n.activation_shape(0), {w[2], w[3]});
  attributes.window.groups = n.integer("group", 1);
  n.define(n.emit(Op::conv, {n.activation(0)}, attributes, std::move(params)));
}

// alpha * A * B + beta * C, A being the activation (batch, K), C broadcast to (batch, outputs).
void lower_gemm(const NodeReader& n) {
  if (n.flag("transA", false)) fail("{}: transA = 1 is not supported (it transposes the batch); 0 is", n.where());
  const Shape& in = n.activation_shape(0);
  if (in.size() != 1) fail("{}: its input has {} per image; only vectors are supported", n.where(), to_string(in));
  const Tensor b = n.weight(1, "weight");
  if (b.shape.size() != 2)
    fail("{}: its weight '{}' is {}, not a matrix", n.where(), n.proto.input(1), to_string(b.shape));
  const float beta = n.real("beta", 1);
  std::vector<Tensor> params = {matrix(b, n.flag("transB", false), n.real("alpha", 1))};
  const std::int64_t outputs = params[0].shape[0];
  if (n.has_input(2)) {
    const Tensor c = n.weight(2, "bias");
    const bool fits = c.shape.size() <= 2 && (c.size() == 1 || (c.size() == outputs && c.shape.back() == outputs));
    if (!fits) {
      fail("{}: its bias '{}' is {}; supported are one value and one per output ({})", n.where(), n.proto.input(2),
           to_string(c.shape), outputs);
    }
    Tensor bias({outputs});
    for (std::size_t o = 0; o < bias.data.size(); ++o) bias.data[o] = beta * c.data[c.size() == 1 ? 0 : o];
    params.push_back(std::move(bias));
  }
  n.define(n.emit(Op::linear, {n.activation(0)}, {}, std::move(params)));
}

void lower_matmul(const NodeReader& n) {
  if (n.constant(0)) {
    fail("{}: its first operand '{}' is a constant; only an activation times a constant or an activation is supported",
         n.where(), n.proto.input(0));
  }
  const ValueId a = n.activation(0);
  if (!n.constant(1)) return n.define(n.emit(Op::matmul, {a, n.activation(1)}));
  const Tensor b = n.weight(1, "weight");
  if (b.shape.size() != 2)
    fail("{}: its weight '{}' is {}, not a matrix", n.where(), n.proto.input(1), to_string(b.shape));
  n.define(n.emit(Op::linear, {a}, {}, {matrix(b, false, 1)}));
}

void lower_batch_norm(const NodeReader& n) {
  if (n.flag("training_mode", false)) fail("{}: training_mode = 1 is not supported; 0 is", n.where());
  if (!n.flag("spatial", true)) fail("{}: spatial = 0 is not supported; 1 is", n.where());
  const Shape& in = n.activation_shape(0);
  constexpr const char* names[] = {"scale", "bias", "mean", "variance"};
  std::vector<Tensor> params;
  for (int i = 0; i < 4; ++i) {
    params.push_back(n.weight(i + 1, names[i]));
    if (in.empty() || params.back().size() != in[0] || params.back().shape.size() != 1) {
      fail("{}: its {} '{}' is {}; its input has {} per image", n.where(), names[i], n.proto.input(i + 1),
           to_string(params.back().shape), to_string(in));
    }
  }
  Attributes attributes;
  attributes.epsilon = n.real("epsilon", 1e-5f);
  const std::vector<float>& variance = params[3].data;
  for (std::size_t c = 0; c < variance.size(); ++c) {
    if (!(variance[c] + attributes.epsilon > 0)) {
      fail("{}: variance '{}' plus epsilon is not positive in channel {}", n.where(), n.proto.input(4), c);
    }
  }
  n.define(n.emit(Op::batch_norm, {n.activation(0)}, attributes, std::move(params)));
}

}  // namespace bitsieve::importer
