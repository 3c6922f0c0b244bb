// Writes a network of a known shape with random weights: for measuring time, where accuracy does not matter.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <random>

#include "base/error.h"
#include "graph/onnx/writer.h"

namespace bitsieve::bench {
namespace {

// Batch norms are folded already, as in a network that is ready to run.
class Network {
 public:
  Network(const std::string& name, std::int64_t size) {
    graph_.name = name;
    graph_.input = last_ = graph_.add_value("image", {3, size, size});
  }

  // Convolution with padding kernel / 2; top: of the clamp to [0, top]; below 0 for none.
  void conv(std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t groups, float top) {
    const std::int64_t in = channels() / groups;
    Node node = make(Op::conv);
    Window& w = node.attributes.window;
    w.kernel = {kernel, kernel};
    w.stride = {stride, stride};
    w.pad_before = w.pad_after = {kernel / 2, kernel / 2};
    w.groups = groups;
    node.params = {weights({out, in, kernel, kernel}, in * kernel * kernel, 2), bias(out)};
    push(std::move(node), top);
  }

  void max_pool() {
    Node node = make(Op::max_pool);
    Window& w = node.attributes.window;
    w.kernel = {3, 3};
    w.stride = {2, 2};
    w.pad_before = w.pad_after = {1, 1};
    push(std::move(node), -1);
  }

  void add(ValueId other, float top) {
    Node node = make(Op::add);
    node.inputs.push_back(other);
    push(std::move(node), top);
  }

  Graph classify(std::int64_t classes) {
    Node mean = make(Op::reduce_mean);
    mean.attributes.axes = {1, 2};
    mean.attributes.keep_dims = false;
    const std::int64_t in = channels();
    push(std::move(mean), -1);
    Node linear = make(Op::linear);
    linear.params = {weights({classes, in}, in, 1), bias(classes)};
    push(std::move(linear), -1);
    graph_.output = last_;
    return std::move(graph_);
  }

  ValueId last() const { return last_; }
  void go_to(ValueId value) { last_ = value; }
  std::int64_t channels() const { return graph_.shape(last_).at(0); }

 private:
  Node make(Op op) const {
    Node node{};
    node.op = op;
    node.name = fmt::format("{}{}", op_name(op), graph_.nodes.size());
    node.inputs = {last_};
    return node;
  }

  void push(Node node, float top) {
    if (top >= 0) {
      node.clamp_lo = 0;
      if (top > 0) node.clamp_hi = top;
    }
    node.output = graph_.add_value(node.name, {});
    graph_.values.back().shape = infer_shape(graph_, node);
    last_ = node.output;
    graph_.nodes.push_back(std::move(node));
  }

  // Uniform with variance gain / fan_in (He et al. 2015: gain 2 before a relu), so that values neither grow nor vanish.
  Tensor weights(const Shape& shape, std::int64_t fan_in, double gain) {
    Tensor w(shape, 0.0f);
    const double reach = std::sqrt(3 * gain / static_cast<double>(fan_in));
    for (float& v : w.data) v = static_cast<float>(unit() * reach);
    return w;
  }
  Tensor bias(std::int64_t count) {
    Tensor b({count}, 0.0f);
    for (float& v : b.data) v = static_cast<float>(unit() * 0.1);
    return b;
  }
  double unit() {
    return static_cast<double>(random_()) / 2147483648.0 - 1;
  }  // std distributions differ between libraries

  Graph graph_;
  std::mt19937 random_{1};
  ValueId last_ = -1;
};

// A residual block's shortcut: what it began with, through a 1x1 convolution where shapes differ.
ValueId shortcut(Network& n, ValueId start, std::int64_t out, std::int64_t stride) {
  n.go_to(start);
  if (stride == 1 && n.channels() == out) return start;
  n.conv(out, 1, stride, 1, -1);
  return n.last();
}

// He et al., "Deep residual learning for image recognition", CVPR 2016, section 4.2; shortcuts by 1x1 convolutions.
Graph resnet20() {
  Network n("resnet20", 32);
  n.conv(16, 3, 1, 1, 0);
  for (const std::int64_t width : {16, 32, 64}) {
    for (int block = 0; block < 3; ++block) {
      const ValueId start = n.last();
      const std::int64_t stride = n.channels() == width ? 1 : 2;
      n.conv(width, 3, stride, 1, 0);
      n.conv(width, 3, 1, 1, -1);
      const ValueId end = n.last(), other = shortcut(n, start, width, stride);
      n.go_to(end);
      n.add(other, 0);
    }
  }
  return n.classify(10);
}

// The same paper, table 1: blocks of two 3x3 convolutions, or (bottlenecks) of 1x1, 3x3 and 1x1 to four times the
// width. The stride is that of the 3x3 convolution, as in torchvision's networks.
Graph resnet(const std::string& name, const std::vector<int>& blocks, bool bottlenecks) {
  Network n(name, 224);
  n.conv(64, 7, 2, 1, 0);
  n.max_pool();
  std::int64_t width = 64;
  for (const int count : blocks) {
    for (int block = 0; block < count; ++block) {
      const ValueId start = n.last();
      const std::int64_t stride = block == 0 && width > 64 ? 2 : 1, out = bottlenecks ? 4 * width : width;
      if (bottlenecks) n.conv(width, 1, 1, 1, 0);
      n.conv(width, 3, stride, 1, 0);
      n.conv(out, bottlenecks ? 1 : 3, 1, 1, -1);
      const ValueId end = n.last(), other = shortcut(n, start, out, stride);
      n.go_to(end);
      n.add(other, 0);
    }
    width *= 2;
  }
  return n.classify(1000);
}

Graph resnet18() { return resnet("resnet18", {2, 2, 2, 2}, false); }
Graph resnet50() { return resnet("resnet50", {3, 4, 6, 3}, true); }

// Sandler et al., "MobileNetV2", CVPR 2018, table 2; width 1.0.
Graph mobilenetv2() {
  Network n("mobilenetv2", 224);
  n.conv(32, 3, 2, 1, 6);
  struct Stage {
    std::int64_t expand, channels, repeat, stride;
  };
  for (const Stage& s : {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2}, Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
                         Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}}) {
    for (std::int64_t i = 0; i < s.repeat; ++i) {
      const ValueId start = n.last();
      const std::int64_t in = n.channels(), stride = i == 0 ? s.stride : 1, wide = in * s.expand;
      if (s.expand > 1) n.conv(wide, 1, 1, 1, 6);
      n.conv(wide, 3, stride, wide, 6);
      n.conv(s.channels, 1, 1, 1, -1);
      if (stride == 1 && in == s.channels) n.add(start, -1);
    }
  }
  n.conv(1280, 1, 1, 1, 6);
  return n.classify(1000);
}

constexpr struct {
  const char* name;
  Graph (*make)();
} networks[] = {{"resnet20", resnet20}, {"resnet18", resnet18}, {"resnet50", resnet50}, {"mobilenetv2", mobilenetv2}};

int run(int argc, char** argv) {
  std::string names;
  for (const auto& network : networks) {
    names += (names.empty() ? "" : "|") + std::string(network.name);
    if (argc != 3 || network.name != std::string(argv[1])) continue;
    save_onnx(argv[2], network.make());
    return 0;
  }
  fmt::print(stderr, "usage: {} {} FILE.onnx\n", argv[0], names);
  return 2;
}

}  // namespace
}  // namespace bitsieve::bench

int main(int argc, char** argv) {
  try {
    return bitsieve::bench::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
