// Writes a network of a known shape with random weights: for measuring time, where accuracy does not matter.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "peers/proto.h"

namespace bitsieve::bench {
namespace {

// Batch norms are folded already, as in a network that is ready to run.
class Network {
 public:
  Network(const std::string& name, std::int64_t size)
      : writer_(name, "image", {3, size, size}, "scores"), last_("image") {}

  // Convolution with padding kernel / 2; clamp: -1 for none, 0 for relu, else the upper bound.
  void conv(std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t groups, float clamp) {
    const std::int64_t in = channels_ / groups;
    auto& n =
        writer_.node("Conv", {last_, weights({out, in, kernel, kernel}, in * kernel * kernel, 2), bias(out)}, next());
    ModelWriter::integers(n, "kernel_shape", {kernel, kernel});
    ModelWriter::integers(n, "strides", {stride, stride});
    ModelWriter::integers(n, "pads", {kernel / 2, kernel / 2, kernel / 2, kernel / 2});
    ModelWriter::integer(n, "group", groups);
    last_ = current();
    channels_ = out;
    activation(clamp);
  }

  void add(const std::string& other, float clamp) {
    const std::string left = last_;
    writer_.node("Add", {left, other}, next());
    last_ = current();
    activation(clamp);
  }

  void classify(std::int64_t classes) {
    writer_.node("GlobalAveragePool", {last_}, next());
    last_ = current();
    auto& flat = writer_.node("Flatten", {last_}, next());
    ModelWriter::integer(flat, "axis", 1);
    last_ = current();
    auto& n = writer_.node("Gemm", {last_, weights({classes, channels_}, channels_, 1), bias(classes)}, "scores");
    ModelWriter::integer(n, "transB", 1);
  }

  const std::string& last() const { return last_; }
  void go_to(const std::string& value, std::int64_t channels) {
    last_ = value;
    channels_ = channels;
  }
  std::int64_t channels() const { return channels_; }
  std::string bytes() const { return writer_.bytes(); }

 private:
  std::string next() { return fmt::format("v{}", ++count_); }
  std::string current() const { return fmt::format("v{}", count_); }

  void activation(float clamp) {
    if (clamp < 0) return;
    const std::string from = last_;
    if (clamp == 0) {
      writer_.node("Relu", {from}, next());
    } else {
      const std::string at = std::to_string(count_);
      writer_.node("Clip", {from, writer_.scalar("lo" + at, 0.0f), writer_.scalar("hi" + at, clamp)}, next());
    }
    last_ = current();
  }

  // Uniform with variance gain / fan_in (He et al. 2015: gain 2 before a relu), so that values neither grow nor vanish.
  std::string weights(const std::vector<std::int64_t>& shape, std::int64_t fan_in, double gain) {
    std::int64_t count = 1;
    for (const std::int64_t d : shape) count *= d;
    std::vector<float> w(static_cast<std::size_t>(count));
    const double reach = std::sqrt(3 * gain / static_cast<double>(fan_in));
    for (float& v : w) v = static_cast<float>(unit() * reach);
    return writer_.constant(fmt::format("w{}", ++params_), shape, w);
  }
  std::string bias(std::int64_t count) {
    std::vector<float> b(static_cast<std::size_t>(count));
    for (float& v : b) v = static_cast<float>(unit() * 0.1);
    return writer_.constant(fmt::format("b{}", ++params_), {count}, b);
  }
  double unit() {
    return static_cast<double>(random_()) / 2147483648.0 - 1;
  }  // std distributions differ between libraries

  ModelWriter writer_;
  std::mt19937 random_{1};
  std::string last_;
  std::int64_t channels_ = 3;
  int count_ = 0, params_ = 0;
};

// He et al., "Deep residual learning for image recognition", CVPR 2016, section 4.2; shortcuts by 1x1 convolutions.
std::string resnet20() {
  Network n("resnet20", 32);
  n.conv(16, 3, 1, 1, 0);
  for (const std::int64_t width : {16, 32, 64}) {
    for (int block = 0; block < 3; ++block) {
      const std::string start = n.last();
      const std::int64_t in = n.channels(), stride = in == width ? 1 : 2;
      std::string shortcut = start;
      if (stride == 2) {
        n.conv(width, 1, 2, 1, -1);
        shortcut = n.last();
        n.go_to(start, in);
      }
      n.conv(width, 3, stride, 1, 0);
      n.conv(width, 3, 1, 1, -1);
      n.add(shortcut, 0);
    }
  }
  n.classify(10);
  return n.bytes();
}

// Sandler et al., "MobileNetV2", CVPR 2018, table 2; width 1.0.
std::string mobilenetv2() {
  Network n("mobilenetv2", 224);
  n.conv(32, 3, 2, 1, 6);
  struct Stage {
    std::int64_t expand, channels, repeat, stride;
  };
  for (const Stage& s : {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2}, Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
                         Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}}) {
    for (std::int64_t i = 0; i < s.repeat; ++i) {
      const std::string start = n.last();
      const std::int64_t in = n.channels(), stride = i == 0 ? s.stride : 1, wide = in * s.expand;
      if (s.expand > 1) n.conv(wide, 1, 1, 1, 6);
      n.conv(wide, 3, stride, wide, 6);
      n.conv(s.channels, 1, 1, 1, -1);
      if (stride == 1 && in == s.channels) n.add(start, -1);
    }
  }
  n.conv(1280, 1, 1, 1, 6);
  n.classify(1000);
  return n.bytes();
}

int run(int argc, char** argv) {
  const std::string wanted = argc == 3 ? argv[1] : "";
  if (wanted != "resnet20" && wanted != "mobilenetv2") {
    fmt::print(stderr, "usage: {} resnet20|mobilenetv2 FILE.onnx\n", argv[0]);
    return 2;
  }
  write_file_atomically(argv[2], wanted == "resnet20" ? resnet20() : mobilenetv2());
  return 0;
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
