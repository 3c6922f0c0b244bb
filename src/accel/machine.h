// What an accelerator is: how many cycles a layer takes it, and what happens meanwhile, for energy.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "accel/elements/trim_round.h"
#include "accel/layer.h"
#include "accel/parameters.h"

namespace bitsieve::accel {

// How often what an energy table has an entry for happened, by the entry's id: operations of processing elements, and
// bits read and written in buffers (weight-buffer-bit, activation-buffer-bit). Beside the operations of an element
// stand the cycles of the whole element ("element-swis-single-4", lanes last) where rtl/ has it in gates: the same work
// counted in another way, for tables that know elements.
using Counts = std::map<std::string, double>;

// A layer on a machine whose memory never keeps it waiting.
//
// What counts: every lane of a processing element in each cycle in which the element works for an output, lanes that
// are filled up or done before the others included (specification of SWIS, C.5). An element that waits for another one,
// or has no output at all, is gated and counts nothing.
struct Timing {
  std::int64_t cycles = 0;  // a count: from the first cycle with an operand to the last one, as Parameters::drain says
  // Of all processing elements together: cycles in which one works for an output, over all there are, is utilization.
  double busy = 0, slots = 0;
  Counts counts;
};

enum class Reads { shapes, weights, activations };  // what of a layer decides the time

// How weights lie in the weight buffer.
enum class Held {
  unpacked,  // 8 bits each; a decoder stands before the buffer
  packed,    // as the model's file has them: the array takes masks and shifts, or single bits
};

// What meets a machine for one output: weights of the filter and as many activations, in K order.
struct Operands {
  const Layer& layer;
  std::int64_t filter = 0;
  std::span<const std::int8_t> weights;
  std::span<const int> read;  // with signs, 0 in the padding; before windows are cut
  std::span<const int> used;  // what the weights multiply: behind the windows
  // Cuts the windows, where the layer has them and the machine has such units.
  std::optional<TrimRound> unit;
  bool two_of_four = false;  // no group of four weights of the layer has more than two that are not zero
};

// One output, and how many cycles an element (of the dot products a unit) worked for it.
struct Output {
  std::int32_t sum = 0;
  std::int64_t cycles = 0;
};

struct Machine {
  std::string_view name, description;
  // What no key of its file says: how sums leave, what is done at the edge of a layer and with depthwise layers.
  std::string_view fixed = {};
  Parameters defaults;
  Reads reads = Reads::shapes;  // weights, and activations (Layer::input), have to be given where they decide
  Held held = Held::unpacked;
  bool cuts_kept = false;  // has units for Layer::windows_of_kept (specification of SPARQ, D.6)
  // Throws Error for a layer that it cannot run.
  Timing (*time)(const Layer& layer, const Parameters& parameters);
  // One output as the machine's elements make it: their arithmetic, in their order, cycle by cycle. The sum is the
  // network's over Layer::activation_step, and the cycles of all outputs are what `time` counts as work
  // (outputs_test.cc holds both).
  Output (*output)(const Operands& operands, const Parameters& parameters);
};

}  // namespace bitsieve::accel
