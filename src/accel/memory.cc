#include "accel/memory.h"

#include <algorithm>
#include <cmath>

namespace bitsieve::accel {

namespace {

// Of all weights, in the buffer.
double buffered_bytes(const Layer& layer, Held held) {
  return held == Held::packed ? layer.weight_bytes : static_cast<double>(layer.filters * layer.depth());
}

}  // namespace

double buffered_weight_bits(const Layer& layer, const Traffic& traffic, Held held) {
  const double times = layer.weight_bytes > 0 ? traffic.weights / layer.weight_bytes : 0;
  return 8 * times * buffered_bytes(layer, held);
}

Traffic dram_traffic(const Layer& layer, const Parameters& p, Held held) {
  const double share = p.double_buffered ? 0.5 : 1;
  const auto parts = [&](double bytes, std::int64_t kib) {
    return std::max(1.0, std::ceil(bytes / (share * 1024 * static_cast<double>(kib))));
  };
  Traffic traffic;
  traffic.weights = layer.weight_bytes;
  traffic.input = static_cast<double>(layer.input_values);
  traffic.output = static_cast<double>(layer.output_values);
  const double inputs = parts(traffic.input, p.activation_buffer_kib),
               weights = parts(buffered_bytes(layer, held), p.weight_buffer_kib);
  if (traffic.weights * (inputs - 1) <= traffic.input * (weights - 1)) {
    traffic.weights *= inputs;
  } else {
    traffic.input *= weights;
  }
  return traffic;
}

double stall_cycles(const Traffic& traffic, const Parameters& p, double compute) {
  const double transfer = std::ceil(traffic.bytes() / dram_bytes_per_cycle(p));
  return dram_latency_cycles(p) + (p.double_buffered ? std::max(0.0, transfer - compute) : transfer);
}

}  // namespace bitsieve::accel
