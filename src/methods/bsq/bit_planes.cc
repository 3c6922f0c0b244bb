#include "methods/bsq/bit_planes.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"

namespace bitsieve::bsq {
namespace {

float top(int bits) { return static_cast<float>((1 << bits) - 1); }

void check_bits(int bits) {
  if (bits < 1 || bits > most_bits) fail("{} bit planes; 1 to {} are possible", bits, most_bits);
}

// u of every weight; exact: each summand is a multiple of a float, and rounding starts where it does in training.
std::vector<float> sums(const BitPlanes& planes) {
  std::vector<float> u(static_cast<std::size_t>(planes.size), 0.0f);
  for (int b = planes.bits - 1; b >= 0; --b) {
    const std::span<const float> positive = planes.plane(false, b), negative = planes.plane(true, b);
    const auto factor = static_cast<float>(1 << b);
    for (std::size_t i = 0; i < u.size(); ++i) u[i] += factor * (positive[i] - negative[i]);
  }
  return u;
}

// round(u), or that of u clipped.
std::vector<float> rounded(const BitPlanes& planes, bool official_clip) {
  std::vector<float> u = sums(planes);
  const float most = top(planes.bits);
  for (float& value : u) value = std::nearbyint(official_clip ? std::clamp(value, -most, most) : value);
  return u;
}

bool empty(const BitPlanes& planes, int bit) {
  const auto zero = [](float value) { return value == 0; };
  const std::span<const float> positive = planes.plane(false, bit), negative = planes.plane(true, bit);
  return std::all_of(positive.begin(), positive.end(), zero) && std::all_of(negative.begin(), negative.end(), zero);
}

// The planes that hold a digit of few weights, taken away with what they held.
Adjustment drop_sparse(BitPlanes& planes, double share) {
  Adjustment adjustment;
  std::vector<std::int32_t> k = integers(planes);
  float step = planes.step();
  int bits = planes.bits;
  const double few = share * static_cast<double>(planes.size);
  const auto with_digit = [&](int bit) {
    return std::count_if(k.begin(), k.end(), [&](std::int32_t value) { return (std::abs(value) >> bit & 1) != 0; });
  };
  for (; bits > 1; --bits, ++adjustment.from_top) {
    const std::int64_t cut = with_digit(bits - 1);
    if (!(static_cast<double>(cut) < few)) break;
    const std::int32_t limit = (1 << (bits - 1)) - 1;
    for (std::int32_t& value : k) value = std::clamp(value, -limit, limit);
    adjustment.saturated += cut;
  }
  for (; bits > 1 && static_cast<double>(with_digit(0)) <= few; --bits, ++adjustment.from_bottom) {
    for (std::int32_t& value : k) value /= 2;
    step *= 2;
  }
  if (bits != planes.bits) planes = split(k, bits, step * top(bits));
  return adjustment;
}

}  // namespace

Adjustment& Adjustment::operator+=(const Adjustment& o) {
  grown += o.grown;
  saturated += o.saturated;
  from_top += o.from_top;
  from_bottom += o.from_bottom;
  halved += o.halved;
  return *this;
}

BitPlanes split(std::span<const std::int32_t> k, int bits, float scale) {
  check_bits(bits);
  BitPlanes planes;
  planes.bits = bits;
  planes.scale = scale;
  planes.size = static_cast<std::int64_t>(k.size());
  planes.values.assign(2 * static_cast<std::size_t>(bits) * k.size(), 0.0f);
  for (int b = 0; b < bits; ++b) {
    const std::span<float> positive = planes.plane(false, b), negative = planes.plane(true, b);
    for (std::size_t i = 0; i < k.size(); ++i) {
      if ((std::abs(k[i]) >> b & 1) != 0) (k[i] > 0 ? positive : negative)[i] = 1;
    }
  }
  return planes;
}

BitPlanes split(std::span<const float> weight, int bits) {
  check_bits(bits);
  float scale = 0;
  for (const float w : weight) {
    if (!std::isfinite(w)) fail("a weight of {} cannot be split into bits", w);
    scale = std::max(scale, std::abs(w));
  }
  std::vector<std::int32_t> k(weight.size(), 0);
  for (std::size_t i = 0; scale > 0 && i < k.size(); ++i)
    k[i] = static_cast<std::int32_t>(std::nearbyint(weight[i] / scale * top(bits)));
  return split(k, bits, scale);
}

std::vector<std::int32_t> integers(const BitPlanes& planes) {
  const std::vector<float> u = rounded(planes, false);
  for (const float value : u) {
    if (!std::isfinite(value)) fail("bit planes with a value that is no number");
  }
  return {u.begin(), u.end()};
}

std::vector<float> weights(const BitPlanes& planes, bool official_clip) {
  std::vector<float> w = rounded(planes, official_clip);
  for (float& value : w) value *= planes.step();
  return w;
}

std::vector<float> plane_gradients(const BitPlanes& planes, std::span<const float> gradient, double decay,
                                   double group) {
  std::vector<float> result(planes.values.size());
  const std::vector<double> norms = group_norms(planes);
  auto* to = result.data();
  for (const bool negative : {false, true}) {
    for (int b = planes.bits - 1; b >= 0; --b) {
      const std::span<const float> plane = planes.plane(negative, b);
      const float factor = planes.step() * static_cast<float>(negative ? -(1 << b) : 1 << b);
      const auto shrink = static_cast<float>(decay + group / norms[static_cast<std::size_t>(b)]);
      for (std::size_t i = 0; i < plane.size(); ++i) *to++ = factor * gradient[i] + shrink * plane[i];
    }
  }
  return result;
}

double scale_gradient(const BitPlanes& planes, std::span<const float> gradient, bool official_clip) {
  const std::vector<float> u = rounded(planes, official_clip);
  double sum = 0;
  for (std::size_t i = 0; i < u.size(); ++i) sum += static_cast<double>(gradient[i]) * u[i];
  return planes.bits == 0 ? 0 : sum / top(planes.bits);
}

std::vector<double> group_norms(const BitPlanes& planes) {
  std::vector<double> norms;
  for (int b = 0; b < planes.bits; ++b) {
    double squares = norm_epsilon;
    for (const bool negative : {false, true}) {
      for (const float value : planes.plane(negative, b)) squares += static_cast<double>(value) * value;
    }
    norms.push_back(std::sqrt(squares));
  }
  return norms;
}

Adjustment requantize(BitPlanes& planes, int most) {
  Adjustment adjustment;
  if (planes.bits == 0) return adjustment;
  check_bits(most);
  std::vector<std::int32_t> k = integers(planes);
  const std::int32_t limit = (1 << planes.bits) - 1;
  const bool carried = std::any_of(k.begin(), k.end(), [&](std::int32_t value) { return std::abs(value) > limit; });
  int bits = planes.bits;
  float scale = planes.scale;
  if (carried && bits < most) {
    adjustment.grown = 1;
    scale *= top(bits + 1) / top(bits);  // the step stays
    ++bits;
  } else if (carried) {
    for (std::int32_t& value : k) {
      adjustment.saturated += std::abs(value) > limit;
      value = std::clamp(value, -limit, limit);
    }
  }
  planes = split(k, bits, scale);
  return adjustment;
}

Adjustment strip(BitPlanes& planes, double share) {
  if (planes.bits == 0) return {};
  Adjustment adjustment;
  if (share > 0) adjustment = drop_sparse(planes, share);
  int high = planes.bits - 1, low = 0;
  for (; high > low && empty(planes, high); --high) ++adjustment.from_top;
  for (; low < high && empty(planes, low); ++low) ++adjustment.from_bottom;
  const int bits = high - low + 1;
  if (bits == planes.bits) return adjustment;
  BitPlanes left;
  left.bits = bits;
  left.size = planes.size;
  left.scale = std::ldexp(planes.scale * (top(bits) / top(planes.bits)), low);
  for (const bool negative : {false, true}) {
    const std::span<const float> highest = planes.plane(negative, high);
    left.values.insert(left.values.end(), highest.data(), highest.data() + bits * planes.size);
  }
  planes = std::move(left);
  return adjustment;
}

Adjustment halve(BitPlanes& planes, int most) {
  Adjustment adjustment;
  while (planes.bits > most) {
    std::vector<std::int32_t> k = integers(planes);
    const std::int32_t limit = (1 << (planes.bits - 1)) - 1;
    for (std::int32_t& value : k) {
      value = static_cast<std::int32_t>(std::nearbyint(value / 2.0));
      adjustment.saturated += std::abs(value) > limit;
      value = std::clamp(value, -limit, limit);
    }
    const float step = 2 * planes.step();
    planes = split(k, planes.bits - 1, step * static_cast<float>(limit));
    ++adjustment.halved;
  }
  return adjustment;
}

Adjustment adjust(BitPlanes& planes, int most, double share) {
  Adjustment adjustment = requantize(planes, most);
  return adjustment += strip(planes, share);
}

}  // namespace bitsieve::bsq
