// A layer as accelerators see it, whatever file it came from.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "quant/model.h"

namespace bitsieve::accel {

// Sums of `depth` products: one for each of `pixels` windows and each of `filters` filters.
struct Layer {
  std::string name;
  std::int64_t pixels = 1;    // P, windows: output rows x columns; rows of a matrix product
  std::int64_t filters = 1;   // of all groups
  std::int64_t taps = 1;      // kernel rows x columns
  std::int64_t channels = 1;  // of a filter: input channels of its group
  std::int64_t groups = 1;    // of a grouped convolution
  std::int64_t input_values = 1, output_values = 1;
  int weight_bits = 8;      // of a weight as a number, with its sign
  int activation_bits = 8;  // that meet the multiplier: 4 behind a SPARQ window; signs included
  int activation_step =
      1;                 // the model's integers are so many times what the layer reads: 17 where 4 bits span 0 to 255
  bool windows = false;  // activations are SPARQ windows of at most 4 bits, behind a sign where they are signed
  bool windows_of_kept = false;  // and cut after the multiplexers of the 2:4 mode, differently for each filter
  double weight_bytes = 0;       // as packed, scales and biases included
  Window window;                 // of a convolution
  std::array<std::int64_t, 2> image{1, 1};  // input rows and columns
  // The integers, where more than shapes is known (not of a topology file); code: how weights are stored.
  const LayerCode* code = nullptr;
  std::span<const std::int8_t> weights;  // [filters][taps][channels]
  // One image's values, [rows][columns][channels of all groups]: 8-bit patterns, as this layer reads them. Empty where
  // no image was given.
  std::span<const std::uint8_t> input;
  bool signed_input = false;

  std::int64_t depth() const { return taps * channels; }  // K, weights of a filter
  std::int64_t macs() const { return pixels * filters * depth(); }
  std::int64_t filters_of_group() const { return filters / groups; }
  // Bits of an activation where they come one by one or in digits: windows are cut out of 8 bits, at positions that
  // change from value to value, and all bits have to come.
  int serial_bits() const { return windows ? 8 : activation_bits; }
  // Whether two activations fit the multipliers of SPARQ's pairs at a time.
  bool narrow() const { return windows || activation_bits <= 4; }
  bool depthwise() const { return groups > 1 && filters_of_group() == 1; }
};

// Layer::input of what the network's value holds (8-bit patterns): windows are cut by the machines, so these read all 8
// bits; of other codes what they store.
std::vector<std::uint8_t> read_values(const Layer& layer, std::span<const std::uint8_t> stored);

// The layers with weights, in the graph's order; model has to outlive them. Throws Error where one is not in integers:
// machines have no float units.
std::vector<Layer> layers_of(const QuantizedModel& model);

}  // namespace bitsieve::accel
