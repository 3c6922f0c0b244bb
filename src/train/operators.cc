#include "train/operators.h"

#include <cmath>
#include <limits>

#include "base/error.h"

namespace bitsieve::train {
namespace {

namespace F = torch::nn::functional;

// Rows and columns added around the image.
torch::Tensor pad_image(const torch::Tensor& x, const Window& w, double value) {
  if (w.pad_before[0] == 0 && w.pad_before[1] == 0 && w.pad_after[0] == 0 && w.pad_after[1] == 0) return x;
  return torch::constant_pad_nd(x, {w.pad_before[1], w.pad_after[1], w.pad_before[0], w.pad_after[0]}, value);
}

torch::Tensor max_pool(const torch::Tensor& x, const Window& w) {
  return torch::max_pool2d(pad_image(x, w, -std::numeric_limits<double>::infinity()), w.kernel, w.stride, {0, 0},
                           w.dilation);
}

// Padding counts as pixels or does not; windows of other sizes than the kernel's come from there alone.
torch::Tensor average_pool(const torch::Tensor& x, const Window& w) {
  const torch::Tensor sum = torch::avg_pool2d(pad_image(x, w, 0), w.kernel, w.stride);
  if (w.count_include_pad) return sum;
  const torch::Tensor ones = torch::ones({1, 1, x.size(2), x.size(3)}, x.options());
  return sum / torch::avg_pool2d(pad_image(ones, w, 0), w.kernel, w.stride);
}

std::vector<std::int64_t> behind_batch(std::vector<std::int64_t> axes) {
  for (std::int64_t& axis : axes) ++axis;
  return axes;
}

torch::Tensor slice(torch::Tensor x, const Attributes& a) {
  for (std::size_t i = 0; i < a.starts.size(); ++i)
    x = x.slice(static_cast<std::int64_t>(i) + 1, a.starts[i], a.ends[i], a.steps[i]);
  return x;
}

torch::Tensor pad(const torch::Tensor& x, const Attributes& a) {
  std::vector<std::int64_t> amounts;  // the last axis first
  for (std::size_t i = a.before.size(); i-- > 0;) {
    amounts.push_back(a.before[i]);
    amounts.push_back(a.after[i]);
  }
  return torch::constant_pad_nd(x, amounts, a.value);
}

}  // namespace

bool is_clamped(const Node& node) { return !std::isinf(node.clamp_lo) || !std::isinf(node.clamp_hi); }

bool ends_in_relu(const Node& node) { return node.clamp_lo == 0 && std::isinf(node.clamp_hi); }

torch::Tensor clamped(const Node& node, const torch::Tensor& x) {
  if (!is_clamped(node)) return x;
  if (ends_in_relu(node)) return torch::relu(x);
  return std::isinf(node.clamp_hi) ? torch::clamp_min(x, node.clamp_lo) : torch::clamp(x, node.clamp_lo, node.clamp_hi);
}

torch::Tensor product(const Node& node, const torch::Tensor& x, const torch::Tensor& weight,
                      const torch::Tensor& bias) {
  if (node.op == Op::linear) return F::linear(x, weight, bias);
  const Window& w = node.attributes.window;
  if (w.pad_before == w.pad_after) return torch::conv2d(x, weight, bias, w.stride, w.pad_before, w.dilation, w.groups);
  return torch::conv2d(pad_image(x, w, 0), weight, bias, w.stride, std::array<std::int64_t, 2>{0, 0}, w.dilation,
                       w.groups);
}

torch::Tensor product_of_columns(const Node& node, const torch::Tensor& x, const torch::Tensor& weight,
                                 const torch::Tensor& bias,
                                 const std::function<torch::Tensor(const torch::Tensor& columns)>& change) {
  const std::int64_t batch = x.size(0), outputs = weight.size(0);
  if (node.op == Op::linear) return F::linear(change(x), weight, bias);
  const Window& w = node.attributes.window;
  const torch::Tensor padded = pad_image(x, w, 0);
  const std::int64_t depth = weight.size(1), taps = w.kernel[0] * w.kernel[1];
  const auto extent = [&](std::size_t axis) {
    const std::int64_t in = padded.size(static_cast<std::int64_t>(axis) + 2);
    return (in - w.dilation[axis] * (w.kernel[axis] - 1) - 1) / w.stride[axis] + 1;
  };
  // [batch, C * taps, pixels] by channel, then tap
  torch::Tensor columns = torch::im2col(padded, w.kernel, w.dilation, std::array<std::int64_t, 2>{0, 0}, w.stride);
  columns = columns.reshape({batch, w.groups, depth, taps, -1}).permute({0, 1, 4, 3, 2});  // ..., pixels, taps, depth
  columns = change(columns.reshape({batch, w.groups, -1, taps * depth}));
  const torch::Tensor filters =
      weight.reshape({w.groups, outputs / w.groups, depth, taps}).permute({0, 1, 3, 2}).flatten(2);
  // [batch, groups, pixels, outputs / groups]
  torch::Tensor y = torch::matmul(columns, filters.transpose(1, 2).unsqueeze(0));
  y = y.permute({0, 1, 3, 2}).reshape({batch, outputs, extent(0), extent(1)});
  return bias.defined() ? y + bias.reshape({1, -1, 1, 1}) : y;
}

torch::Tensor compute(const Graph& graph, const Node& node, const std::vector<torch::Tensor>& in) {
  const Attributes& a = node.attributes;
  const torch::Tensor& x = in.at(0);
  switch (node.op) {
    case Op::conv:
    case Op::linear:
    case Op::batch_norm:
      break;
    case Op::matmul:
      return torch::matmul(x, in[1]);
    case Op::relu:
      return torch::relu(x);
    case Op::leaky_relu:
      return torch::leaky_relu(x, a.alpha);
    case Op::clip:
      return torch::clamp(x, a.lo, a.hi);
    case Op::sigmoid:
      return torch::sigmoid(x);
    case Op::hard_sigmoid:
      return torch::clamp(a.alpha * x + a.beta, 0, 1);
    case Op::hard_swish:
      return x * torch::clamp(x / 6 + 0.5, 0, 1);
    case Op::add:
      return x + in[1];
    case Op::sub:
      return x - in[1];
    case Op::mul:
      return x * in[1];
    case Op::div:
      return x / in[1];
    case Op::concat:
      return torch::cat(in, a.axis + 1);
    case Op::slice:
      return slice(x, a);
    case Op::pad:
      return pad(x, a);
    case Op::max_pool:
      return max_pool(x, a.window);
    case Op::average_pool:
      return average_pool(x, a.window);
    case Op::reduce_mean:
      return x.mean(behind_batch(a.axes), a.keep_dims);
    case Op::reshape: {
      std::vector<std::int64_t> shape = graph.shape(node.output);
      shape.insert(shape.begin(), x.size(0));
      return x.reshape(shape);
    }
    case Op::transpose: {
      std::vector<std::int64_t> axes = behind_batch(a.axes);
      axes.insert(axes.begin(), 0);
      return x.permute(axes);
    }
    case Op::softmax:
      return torch::softmax(x, a.axis + 1);
  }
  fail("node '{}': {} cannot be trained through", node.name, op_name(node.op));
}

}  // namespace bitsieve::train
