#include "methods/uniform/uniform.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace bitsieve::uniform {

QuantizedWeights quantize_weights(const float* w, std::int64_t outputs, std::int64_t k, int bits, ScaleRule rule) {
  QuantizedWeights result;
  result.q.resize(static_cast<std::size_t>(outputs * k));
  result.scale.resize(static_cast<std::size_t>(outputs));
  const float top = static_cast<float>((1 << (bits - 1)) - 1);
  const float bottom = rule == ScaleRule::sparq ? -top - 1 : -top;
  for (std::int64_t o = 0; o < outputs; ++o) {
    float peak = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      if (!std::isfinite(w[o * k + i])) fail("filter {} has a weight that is not finite", o);
      peak = std::max(peak, std::abs(w[o * k + i]));
    }
    // The order of these float32 operations is part of the definition: it decides ties of the peak weight.
    float scale = rule == ScaleRule::sparq ? 2 * peak / static_cast<float>((1 << bits) - 1) : peak / top;
    if (!(scale > 0)) scale = 1;
    result.scale[static_cast<std::size_t>(o)] = scale;
    for (std::int64_t i = 0; i < k; ++i) {
      const float q = std::min(std::max(std::nearbyintf(w[o * k + i] / scale), bottom), top);
      result.q[static_cast<std::size_t>(o * k + i)] = static_cast<std::int8_t>(q);
    }
  }
  return result;
}

ActivationTransform make_transform(int bits) {
  ActivationTransform t;
  t.active = true;
  const int step = 255 / ((1 << bits) - 1);
  for (int x = 0; x < 256; ++x) {
    const auto level = static_cast<int>(std::nearbyint(static_cast<double>(x) / step));
    t.pair[static_cast<std::size_t>(x)] = t.lone[static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(level * step);
  }
  return t;
}

}  // namespace bitsieve::uniform
