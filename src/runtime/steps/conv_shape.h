// A linear layer as a 1 x 1 convolution, and what convolutions ask about themselves.
#pragma once
#include "runtime/steps/makers.h"

namespace bitsieve::steps {

struct ConvShape {
  Shape in, out;  // (C, H, W)
  Window window;
};

// A linear layer is a 1 x 1 convolution with a pixel per row of its input, one below the other. Its input must not be
// rank 3.
inline ConvShape conv_shape(const Source& s) {
  if (s.node.op == Op::conv) return {s.in(), s.out(), s.node.attributes.window};
  const std::int64_t k = s.in().back(), n = s.out().back(), rows = element_count(s.in()) / k;
  return {{k, rows, 1}, {n, rows, 1}, {}};
}

inline bool is_depthwise(const Source& s) {
  const std::int64_t groups = s.node.attributes.window.groups;
  return groups > 1 && groups == s.in()[0] && groups == s.out()[0];
}

// [channels][taps] to [taps][channels].
template <class T>
std::vector<T> transposed(const std::vector<T>& w, std::int64_t channels, std::int64_t taps) {
  std::vector<T> result(w.size());
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t t = 0; t < taps; ++t)
      result[static_cast<std::size_t>(t * channels + c)] = w[static_cast<std::size_t>(c * taps + t)];
  }
  return result;
}

}  // namespace bitsieve::steps
