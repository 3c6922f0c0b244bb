// Layers for tests of machines.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "accel/layer.h"

namespace bitsieve::accel::test {

inline Layer conv(std::int64_t pixels, std::int64_t filters, std::int64_t taps, std::int64_t channels,
                  std::int64_t groups = 1) {
  Layer layer;
  layer.name = "conv";
  layer.pixels = pixels;
  layer.filters = filters;
  layer.taps = taps;
  layer.channels = channels;
  layer.groups = groups;
  layer.input_values = pixels * channels * groups;
  layer.output_values = pixels * filters;
  layer.weight_bytes = static_cast<double>(filters * layer.depth());
  return layer;
}

// Numbers that depend on where they are alone, so that a larger layer has those of a smaller one. Kept for as long as
// the tests run: layers refer to them.
inline Layer with_values(Layer layer) {
  static std::deque<std::vector<std::uint8_t>> kept;
  static std::deque<std::vector<std::int8_t>> kept_weights;
  const auto drawn = [](std::int64_t a, std::int64_t b) {
    auto x = static_cast<std::uint64_t>(a * 1000003 + b * 7919 + 12345);
    x = (x ^ (x >> 13)) * 0x9E3779B97F4A7C15u;
    return static_cast<std::uint8_t>(x >> 56);
  };
  layer.image = {layer.pixels, 1};
  layer.window.kernel = {layer.taps, 1};
  layer.window.pad_before = {layer.taps / 2, 0};
  layer.window.pad_after = {layer.taps - 1 - layer.taps / 2, 0};
  kept.emplace_back();
  for (std::int64_t at = 0; at < layer.pixels; ++at) {
    for (std::int64_t c = 0; c < layer.channels * layer.groups; ++c)
      kept.back().push_back(drawn(at, c / layer.channels * 1000 + c % layer.channels));
  }
  kept_weights.emplace_back();
  for (std::int64_t f = 0; f < layer.filters; ++f) {
    for (std::int64_t k = 0; k < layer.depth(); ++k)
      kept_weights.back().push_back(static_cast<std::int8_t>(drawn(f, 100000 + k % layer.channels)));
  }
  layer.input = kept.back();
  layer.weights = kept_weights.back();
  return layer;
}

// Sets weights of `layer` that stay for as long as the tests run.
inline Layer with_weights(Layer layer, const std::function<int(std::int64_t filter, std::int64_t k)>& weight) {
  static std::deque<std::vector<std::int8_t>> kept;
  kept.emplace_back();
  for (std::int64_t f = 0; f < layer.filters; ++f) {
    for (std::int64_t k = 0; k < layer.depth(); ++k) kept.back().push_back(static_cast<std::int8_t>(weight(f, k)));
  }
  layer.weights = kept.back();
  return layer;
}

// Dense, fully connected, depthwise, of odd numbers, and grouped.
inline std::vector<Layer> layers() {
  return {conv(196, 64, 9, 32), conv(1, 10, 1, 64), conv(49, 24, 9, 1, 24), conv(7, 3, 25, 5), conv(64, 16, 9, 4, 4)};
}

}  // namespace bitsieve::accel::test
