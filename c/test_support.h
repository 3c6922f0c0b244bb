// What the test and the fuzz target of bsv_reader.c share: both readers' layers in one form.
#pragma once
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pack/bsv.h"

extern "C" {
#define BSV_DECLARATIONS
#include "bsv_reader.c"
#undef BSV_DECLARATIONS
}

namespace bitsieve {

struct IntegerLayer {
  std::string name;
  std::int64_t outputs = 0, k = 0;
  std::vector<std::int8_t> weights;
  std::vector<float> scales;
  std::vector<std::int32_t> biases;
  std::vector<std::uint8_t> shifts;  // N of every filter as they run; empty for numbers
  bool operator==(const IntegerLayer&) const = default;
};

struct CLayers {
  std::string error;  // "" for a file that was read
  std::vector<IntegerLayer> layers;
};

inline CLayers read_with_c(std::string_view file) {
  // Of the exact size, so that sanitizers see a read behind the end.
  const auto bytes = std::make_unique<char[]>(file.size());
  std::memcpy(bytes.get(), file.data(), file.size());
  CLayers result;
  bsv_reader reader;
  bsv_layer c;
  bsv_open(&reader, bytes.get(), file.size());
  while (bsv_next(&reader, &c) != 0) {
    IntegerLayer layer{std::string(c.name, c.name_size), c.outputs, static_cast<std::int64_t>(c.k), {}, {}, {}, {}};
    layer.weights.resize(c.outputs * c.k);
    reader.error = bsv_decode(&c, layer.weights.data());
    if (reader.error != nullptr) break;
    for (std::uint32_t o = 0; o < c.outputs; ++o) {
      layer.scales.push_back(bsv_scale(&c, o));
      layer.biases.push_back(bsv_bias(&c, o));
      if (c.shared != 0) layer.shifts.push_back(static_cast<std::uint8_t>(bsv_shifts(&c, o)));
    }
    result.layers.push_back(std::move(layer));
  }
  bsv_close(&reader);
  if (reader.error != nullptr) return {reader.error, {}};
  return result;
}

inline std::vector<IntegerLayer> layers_of(const QuantizedModel& model) {
  std::vector<IntegerLayer> result;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const Node& node = model.graph.nodes[i];
    const LayerCode& code = model.layers[i];
    if (!code.integer || !has_weights(node)) continue;
    const auto outputs = static_cast<std::int64_t>(code.weight_scale.size());
    IntegerLayer layer{node.name,
                       outputs,
                       static_cast<std::int64_t>(code.weight.size()) / outputs,
                       {code.weight.begin(), code.weight.end()},
                       code.weight_scale,
                       code.bias,
                       {}};
    if (code.shifts.active()) {
      const std::vector<std::uint8_t> shifts = shifts_of_filters(code.shifts, outputs);
      for (std::int64_t o = 0; o < outputs; ++o) {
        const auto at = static_cast<std::size_t>(o);
        layer.shifts.push_back(shifts[code.shifts.filter.empty() ? at : code.shifts.filter[at]]);
      }
    }
    result.push_back(std::move(layer));
  }
  return result;
}

}  // namespace bitsieve
