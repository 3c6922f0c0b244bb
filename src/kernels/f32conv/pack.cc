#include <cstring>

#include "kernels/f32conv/f32conv.h"

namespace bitsieve {
namespace {

template <class WeightAt>
F32Weights pack(const float* bias, std::int64_t n, std::int64_t k, WeightAt weight_at) {
  F32Weights w;
  const std::int64_t panels = (n + 15) / 16;
  w.lines.assign(panels * k, PackedLine{});
  w.bias.assign(panels * 16, 0.0f);
  for (std::int64_t i = 0; i < n; ++i) {
    if (bias != nullptr) w.bias[i] = bias[i];
    for (std::int64_t j = 0; j < k; ++j) {
      const float value = weight_at(i, j);
      std::memcpy(w.lines[i / 16 * k + j].bytes + i % 16 * 4, &value, 4);
    }
  }
  w.view.n = n;
  w.view.weight = reinterpret_cast<const float*>(w.lines.data());
  w.view.bias = w.bias.data();
  return w;
}

}  // namespace

F32Weights pack_f32conv(const float* weight, const float* bias, std::int64_t n, std::int64_t taps, std::int64_t depth) {
  const std::int64_t k = taps * depth;
  F32Weights w = pack(bias, n, k, [&](std::int64_t i, std::int64_t j) { return weight[i * k + j]; });
  w.view.taps = taps;
  w.view.depth = depth;
  return w;
}

F32Weights pack_f32depthwise(const float* weight, const float* bias, std::int64_t channels, std::int64_t taps) {
  F32Weights w = pack(bias, channels, taps, [&](std::int64_t i, std::int64_t j) { return weight[j * channels + i]; });
  w.view.taps = taps;
  w.view.depth = 1;
  return w;
}

}  // namespace bitsieve
