// Buffers and DRAM: what goes to and fro, and how long the array waits for it.
#pragma once
#include "accel/machine.h"

namespace bitsieve::accel {

// Of one layer, in bytes. Half of a double buffer holds what is worked on. Where the input fits, weights come once;
// where it does not, either weights come again for each part of the input or the input again for each part of the
// weights, whichever is less (specification of SWIS, C.5). Halos between parts of an input are not counted. Outputs go
// out once.
struct Traffic {
  double weights = 0, input = 0, output = 0;
  double bytes() const { return weights + input + output; }
};

Traffic dram_traffic(const Layer& layer, const Parameters& parameters, Held held);

// What is written to the weight buffer of what comes from DRAM, in bits.
double buffered_weight_bits(const Layer& layer, const Traffic& traffic, Held held);

// Cycles beyond `compute` that the array waits: all of the transfer with single buffers; with double ones what is
// longer than computing; and the latency once.
double stall_cycles(const Traffic& traffic, const Parameters& parameters, double compute);

}  // namespace bitsieve::accel
