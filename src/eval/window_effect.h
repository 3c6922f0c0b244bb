// What an activation transform (SPARQ's windows, uniform 4 bits) does to the values a layer reads.
#pragma once
#include <cstdint>

#include "quant/model.h"

namespace bitsieve {

// Sums over the values as the layer's products meet them; add up the effects of several images.
struct WindowEffect {
  std::int64_t nonzero = 0;  // values met that are not 0
  std::int64_t changed = 0;  // of these, replaced by another value
  double relative_loss = 0;  // sum of (|x| - |e|) / |x| for x replaced by e: positive when values shrink
  double error = 0;          // sum of (x - e)^2 in codes
  double end_error = 0;      // part of it made by codes at the end of the range (255; -127 and 127)

  void add(const WindowEffect& other);
  double changed_share() const { return nonzero ? static_cast<double>(changed) / static_cast<double>(nonzero) : 0; }
  double mean_loss() const { return nonzero ? relative_loss / static_cast<double>(nonzero) : 0; }
  double end_share() const { return error > 0 ? end_error / error : 0; }
};

// `input`: 8-bit patterns of the first input of conv or linear node `node`, in storage layout. Pairs are formed as the
// layer forms them; where they are neighbours in memory every value counts once, otherwise (depthwise layers, odd
// numbers of channels) once for each product. The 2:4 mode is counted as if every value had a partner: which ones have
// depends on the output channel. Nothing for layers without an active transform.
WindowEffect window_effect(const QuantizedModel& model, int node, const std::uint8_t* input);

}  // namespace bitsieve
