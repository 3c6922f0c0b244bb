#include "methods/uniform/uniform.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "methods/names.h"

namespace bitsieve::uniform {

namespace {

// The largest magnitude of filter o's weights.
float peak_of(const float* w, std::int64_t k, std::int64_t o) {
  float peak = 0;
  for (std::int64_t i = 0; i < k; ++i) {
    if (!std::isfinite(w[i])) fail("filter {} has a weight that is not finite", o);
    peak = std::max(peak, std::abs(w[i]));
  }
  return peak;
}

float code_of(float w, float scale, float bottom, float top) {
  return std::min(std::max(std::nearbyintf(w / scale), bottom), top);
}

// Of least squared error; the largest of several.
float best_clip(const float* w, std::int64_t count, float peak, float top) {
  float best = peak / top;
  double least = INFINITY;
  for (int percent = 100; percent >= 10; --percent) {
    const float scale = peak * (static_cast<float>(percent) / 100.0f) / top;
    if (!(scale > 0)) break;
    double error = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const double e = static_cast<double>(w[i]) - static_cast<double>(code_of(w[i], scale, -top, top)) * scale;
      error += e * e;
    }
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

// That the integers need, with their sign.
int bits_of(const std::vector<std::int8_t>& q) {
  int most = 1;
  for (const std::int8_t value : q) most = std::max(most, std::abs(int{value}));
  return std::bit_width(static_cast<unsigned>(most)) + 1;
}

}  // namespace

ExactStep exact_step(std::span<const float> w, int first, int most) {
  constexpr double tolerance = 1e-3;  // of a step; random weights of any number meet it by chance hardly ever
  double peak = 0;
  for (const float x : w) peak = std::max<double>(peak, std::abs(x));
  for (int multiple = first; peak > 0 && multiple <= most; ++multiple) {
    const double step = peak / multiple;
    double products = 0, squares = 0;
    bool all = true;
    for (std::size_t i = 0; i < w.size() && all; ++i) {
      const double steps = w[i] / step, whole = std::nearbyint(steps);
      all = std::abs(steps - whole) <= tolerance;
      products += w[i] * whole;
      squares += whole * whole;
    }
    if (all) return {static_cast<float>(products / squares), multiple};  // the one weight `peak` may be off
  }
  return {};
}

QuantizedWeights quantize_weights(const float* w, std::int64_t outputs, std::int64_t k, int bits, ScaleRule rule,
                                  bool per_tensor) {
  QuantizedWeights result;
  result.q.resize(static_cast<std::size_t>(outputs * k));
  result.scale.resize(static_cast<std::size_t>(outputs));
  const float top = static_cast<float>((1 << (bits - 1)) - 1);
  const float bottom = rule == ScaleRule::sparq ? -top - 1 : -top;
  const std::int64_t together = per_tensor ? outputs : 1;  // filters that share a scale
  for (std::int64_t first = 0; first < outputs; first += together) {
    float peak = 0;
    for (std::int64_t o = first; o < first + together; ++o) peak = std::max(peak, peak_of(w + o * k, k, o));
    // The order of these float32 operations is part of the definition: it decides ties of the peak weight.
    float scale = rule == ScaleRule::sparq ? 2 * peak / static_cast<float>((1 << bits) - 1) : peak / top;
    if (rule == ScaleRule::mse && peak > 0) scale = best_clip(w + first * k, together * k, peak, top);
    if (rule == ScaleRule::exact && peak > 0) {
      const std::span<const float> weights(w + first * k, static_cast<std::size_t>(together * k));
      if (const ExactStep exact = exact_step(weights, 1, static_cast<int>(top)); exact.step > 0) scale = exact.step;
    }
    if (!(scale > 0)) scale = 1;
    std::fill_n(result.scale.begin() + first, together, scale);
    for (std::int64_t i = first * k; i < (first + together) * k; ++i) {
      result.q[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(code_of(w[i], scale, bottom, top));
    }
  }
  return result;
}

std::optional<WeightCode> weight_code(std::string_view name) {
  const std::vector<std::string_view> parts = parts_of(name);
  const auto bits = whole_after(parts[0], "int", 2, 8);
  if (!bits) return std::nullopt;
  ScaleRule rule = ScaleRule::max_code;
  std::size_t at = 1;
  for (const auto& [word, meant] :
       {std::pair{"mse", ScaleRule::mse}, std::pair{"sparq", ScaleRule::sparq}, std::pair{"exact", ScaleRule::exact}}) {
    if (at == 1 && at < parts.size() && parts[at] == word) {
      rule = meant;
      ++at;
    }
  }
  const bool per_tensor = at < parts.size() && parts[at] == "tensor";
  if (at + per_tensor != parts.size()) return std::nullopt;
  WeightCode code;
  code.name = name;
  code.bits = *bits;
  code.shifts = *bits - 1;
  code.quantize = [b = *bits, rule, per_tensor](const WeightInput& in) {
    QuantizedWeights quantized = quantize_weights(in.w, in.outputs, in.k, b, rule, per_tensor);
    const int needed = rule == ScaleRule::exact ? bits_of(quantized.q) : b;
    return CodedWeights{std::move(quantized.q), std::move(quantized.scale), needed, {}};
  };
  return code;
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
