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

ActivationTransform make_transform(int bits, bool is_signed) {
  ActivationTransform t;
  t.active = true;
  const double step = is_signed ? 127.0 / ((1 << (bits - 1)) - 1) : 255.0 / ((1 << bits) - 1);
  for (int pattern = 0; pattern < 256; ++pattern) {
    const int x = is_signed ? static_cast<std::int8_t>(pattern) : pattern;
    // -128 is no value of ours, but a table has 256 entries.
    const double level = std::nearbyint(std::min(std::abs(x), is_signed ? 127 : 255) / step);
    const int y = static_cast<int>(std::nearbyint(level * step));
    t.pair[static_cast<std::size_t>(pattern)] = t.lone[static_cast<std::size_t>(pattern)] =
        static_cast<std::uint8_t>(x < 0 ? -y : y);
  }
  return t;
}

}  // namespace bitsieve::uniform
