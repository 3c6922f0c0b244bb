// Sliding windows: geometry of Conv and the pools.
#include <algorithm>

#include "graph/onnx/import.h"

namespace bitsieve::importer {
namespace {

constexpr std::int64_t limit = 1 << 16;  // of kernel, stride, dilation and pads

// One of the lists of two (four for pads), with a value where it is absent.
std::vector<std::int64_t> list(const NodeReader& n, std::string_view name, std::size_t length, std::int64_t otherwise,
                               std::int64_t least) {
  std::vector<std::int64_t> values = n.integers(name);
  if (values.empty()) values.assign(length, otherwise);
  if (values.size() != length) fail("{}: {} has {} values, not {}", n.where(), name, values.size(), length);
  for (const std::int64_t v : values) {
    if (v < least || v > limit) fail("{}: {} holds {}; supported are {} to {}", n.where(), name, v, least, limit);
  }
  return values;
}

// The padding that ceil_mode appends along `axis`: the last window counts although it hangs over the end, unless it
// would start beyond the input and its padding before.
std::int64_t ceil_padding(const Shape& in, const Window& w, std::size_t axis) {
  const std::int64_t span = (w.kernel[axis] - 1) * w.dilation[axis] + 1;
  const std::int64_t free = in[axis + 1] + w.pad_before[axis] + w.pad_after[axis] - span;
  if (free <= -w.stride[axis]) return 0;  // not even one window; a window that is a little too large still counts
  std::int64_t out = (free + w.stride[axis] - 1) / w.stride[axis] + 1;
  if ((out - 1) * w.stride[axis] >= in[axis + 1] + w.pad_before[axis]) --out;
  return std::max<std::int64_t>(0, (out - 1) * w.stride[axis] - free);
}

Window pool_window(const NodeReader& n) {
  if (!n.has_attribute("kernel_shape")) fail("{}: its attribute 'kernel_shape' is missing", n.where());
  const Window w = read_window(n, n.activation_shape(0), list(n, "kernel_shape", 2, 1, 1));
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t span = (w.kernel[i] - 1) * w.dilation[i] + 1;
    if (w.pad_before[i] >= span || w.pad_after[i] >= span) {
      fail("{}: pads of {} and {} must be smaller than the window ({})", n.where(), w.pad_before[i], w.pad_after[i],
           span);
    }
  }
  return w;
}

}  // namespace

Window read_window(const NodeReader& n, const Shape& in, const std::vector<std::int64_t>& kernel) {
  if (in.size() != 3) {
    fail("{}: its input is {} per image; only feature maps (CxHxW) are supported", n.where(), to_string(in));
  }
  const auto stride = list(n, "strides", 2, 1, 1), dilation = list(n, "dilations", 2, 1, 1),
             pads = list(n, "pads", 4, 0, 0);
  std::string auto_pad = n.text("auto_pad", "NOTSET");
  if (auto_pad.empty()) auto_pad = "NOTSET";
  const bool same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
  if (!same && auto_pad != "NOTSET" && auto_pad != "VALID") {
    fail("{}: auto_pad '{}' is not supported; NOTSET, VALID, SAME_UPPER and SAME_LOWER are", n.where(), auto_pad);
  }
  Window w;
  for (std::size_t i = 0; i < 2; ++i) {
    if (kernel[i] < 1 || kernel[i] > limit)
      fail("{}: a kernel of {}; supported are 1 to {}", n.where(), kernel[i], limit);
    w.kernel[i] = kernel[i];
    w.stride[i] = stride[i];
    w.dilation[i] = dilation[i];
    if (auto_pad == "NOTSET") {
      w.pad_before[i] = pads[i];
      w.pad_after[i] = pads[i + 2];
    }
    if (same) {
      const std::int64_t extent = in[i + 1], span = (kernel[i] - 1) * dilation[i] + 1;
      const std::int64_t out = (extent + stride[i] - 1) / stride[i];
      const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * stride[i] + span - extent);
      w.pad_before[i] = auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.pad_after[i] = total - w.pad_before[i];
    }
  }
  return w;
}

void lower_max_pool(const NodeReader& n) {
  Attributes a;
  a.window = pool_window(n);
  if (n.flag("ceil_mode", false)) {
    for (std::size_t i = 0; i < 2; ++i) a.window.pad_after[i] += ceil_padding(n.activation_shape(0), a.window, i);
  }
  n.define(n.emit(Op::max_pool, {n.activation(0)}, a));
}

void lower_average_pool(const NodeReader& n) {
  Attributes a;
  Window& w = a.window = pool_window(n);
  w.count_include_pad = n.flag("count_include_pad", false);
  ValueId in = n.activation(0);
  const Shape shape = n.model.graph.shape(in);
  std::array<std::int64_t, 2> extra{0, 0};
  if (n.flag("ceil_mode", false)) extra = {ceil_padding(shape, w, 0), ceil_padding(shape, w, 1)};
  if (w.count_include_pad && (extra[0] || extra[1])) {
    // The padding of the file counts, what ceil_mode appends does not: pad first, then count what is there.
    Attributes pad;
    pad.before = {0, w.pad_before[0], w.pad_before[1]};
    pad.after = {0, w.pad_after[0], w.pad_after[1]};
    in = n.emit(Op::pad, {in}, pad, {}, "/pad");
    w.pad_before = w.pad_after = {0, 0};
    w.count_include_pad = false;
  }
  for (std::size_t i = 0; i < 2; ++i) w.pad_after[i] += extra[i];
  n.define(n.emit(Op::average_pool, {in}, a));
}

void lower_global_pool(const NodeReader& n) {
  const Shape in = n.activation_shape(0);
  if (in.size() != 3)
    fail("{}: its input is {} per image; only feature maps (CxHxW) are supported", n.where(), to_string(in));
  Attributes a;
  if (n.proto.op_type() == "GlobalMaxPool") {
    a.window.kernel = {in[1], in[2]};
    return n.define(n.emit(Op::max_pool, {n.activation(0)}, a));
  }
  a.axes = {1, 2};
  n.define(n.emit(Op::reduce_mean, {n.activation(0)}, a));
}

}  // namespace bitsieve::importer
