#include "methods/sparq/sparq.h"

#include <algorithm>

#include "base/error.h"

namespace bitsieve::sparq {
namespace {

constexpr int shifts5[] = {0, 1, 2, 3, 4}, shifts3[] = {0, 2, 4}, shifts2[] = {0, 4};
constexpr int shifts6[] = {0, 1, 2, 3, 4, 5}, shifts7[] = {0, 1, 2, 3, 4, 5, 6};
constexpr int lone_shifts6[] = {0, 1, 2};

const WindowOption options[] = {
    {"5opt", 4, shifts5}, {"3opt", 4, shifts3}, {"2opt", 4, shifts2}, {"6opt", 3, shifts6}, {"7opt", 2, shifts7},
};

}  // namespace

std::span<const WindowOption> window_options() { return options; }

Windowed window(int x, int bits, std::span<const int> shifts, bool round) {
  const int s = *std::find_if(shifts.begin(), shifts.end(), [&](int t) { return x < 1 << (bits + t); });
  int q = x >> s;
  if (round && s > 0) {
    const bool guard = x >> (s - 1) & 1;
    const bool sticky = (x & ((1 << (s - 1)) - 1)) != 0;
    const bool increment = guard && (sticky || (q & 1));
    if (increment && q != (1 << bits) - 1) ++q;
  }
  return {q, s};
}

int bsparq(int x, const Config& config) {
  return window(x, config.option->bits, config.option->shifts, config.round).value();
}

int lone_value(int x, const Config& config) {
  switch (config.option->bits) {
    case 4:
      return x;
    case 3:
      return window(x, 6, lone_shifts6, config.round).value();
    default:
      return window(x, 4, shifts5, config.round).value();
  }
}

std::int32_t pair_product(int x1, int w1, int x2, int w2, const Config& config) {
  if (config.value_sparsity && x1 == 0) return lone_value(x2, config) * w2;
  if (config.value_sparsity && x2 == 0) return lone_value(x1, config) * w1;
  return bsparq(x1, config) * w1 + bsparq(x2, config) * w2;
}

std::int32_t dot(std::span<const std::uint8_t> x, std::span<const std::int8_t> w, const Config& config) {
  std::int32_t acc = 0;
  for (std::size_t k = 0; k < x.size(); k += 2) {
    const bool tail = k + 1 == x.size();
    acc += pair_product(x[k], w[k], tail ? 0 : x[k + 1], tail ? 0 : w[k + 1], config);
  }
  return acc;
}

std::int32_t dot_two_of_four(std::span<const std::uint8_t> x, std::span<const std::int8_t> w, const Config& config) {
  std::int32_t acc = 0;
  for (std::size_t group = 0; group < x.size(); group += 4) {
    int kept_x[2] = {0, 0}, kept_w[2] = {0, 0}, kept = 0;
    for (std::size_t k = group; k < std::min(group + 4, x.size()); ++k) {
      if (w[k] == 0) continue;
      if (kept == 2) fail("2:4 mode: more than two non-zero weights in the group of four at {}", group);
      kept_x[kept] = x[k];
      kept_w[kept++] = w[k];
    }
    acc += pair_product(kept_x[0], kept_w[0], kept_x[1], kept_w[1], config);
  }
  return acc;
}

ActivationTransform make_transform(const Config& config, bool signed_values) {
  ActivationTransform t;
  t.active = true;
  t.paired = config.value_sparsity;
  t.two_of_four = config.two_of_four;
  // Signed values are a sign and a 7-bit magnitude. Rounding that would reach 128 stays in its window instead, as a
  // carry out of the top of a window does in A.2 of the specification: q << s is always what a 4-bit multiplier can
  // hold.
  Config trim = config;
  trim.round = false;
  const auto fit = [&](int (*value)(int, const Config&), int magnitude) {
    const int rounded = value(magnitude, config);
    return signed_values && rounded > 127 ? value(magnitude, trim) : rounded;
  };
  for (int pattern = 0; pattern < 256; ++pattern) {
    const auto at = static_cast<std::size_t>(pattern);
    const bool negative = signed_values && pattern >= 128;
    const int magnitude = negative ? std::min(256 - pattern, 127) : pattern;  // -128 does not occur (quant/model.h)
    const auto back = [&](int m) { return static_cast<std::uint8_t>(negative ? 256 - m : m); };
    t.pair[at] = back(fit(bsparq, magnitude));
    t.lone[at] = back(fit(lone_value, magnitude));
  }
  return t;
}

}  // namespace bitsieve::sparq
