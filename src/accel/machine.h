// What an accelerator is: how many cycles a layer takes it, and what happens meanwhile, for energy.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "accel/layer.h"
#include "accel/parameters.h"

namespace bitsieve::accel {

// How often what an energy table has an entry for happened, by the entry's id: operations of processing elements, and
// bits read and written in buffers (weight-buffer-bit, activation-buffer-bit).
using Counts = std::map<std::string, double>;

// A layer on a machine whose memory never keeps it waiting.
struct Timing {
  std::int64_t cycles = 0;  // a count: from the first cycle with an operand to the last one, as Parameters::drain says
  // Of all processing elements together: cycles in which one works for an output, over all there are, is utilization.
  double busy = 0, slots = 0;
  Counts counts;
};

struct Machine {
  std::string_view name, description;
  Parameters defaults;
  bool reads_values;  // the activations', of Layer::input, which decide the time
  // Throws Error for a layer that it cannot run.
  Timing (*time)(const Layer& layer, const Parameters& parameters);
};

}  // namespace bitsieve::accel
