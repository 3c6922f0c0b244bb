// Where the values of one image lie in one block of memory: values that are never needed together share places. And
// what is left to run where some of them are known.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "quant/model.h"

namespace bitsieve {

// A value is needed from the node that writes it to the last one that reads it, both included.
struct Lifetime {
  std::size_t bytes = 0;  // 0: takes no place
  int begin = 0, end = 0;
};

struct Plan {
  std::vector<std::size_t> offsets;  // one per lifetime, multiples of 64
  std::size_t bytes = 0;             // of the whole block
};

// No two lifetimes that overlap in time overlap in memory. Greedy, large values first.
Plan plan_memory(std::span<const Lifetime> lifetimes);

// One per graph value. The input is written before node 0, the output is needed after the last node; constants take no
// place.
std::vector<Lifetime> value_lifetimes(const QuantizedModel& model);

// What a run has to do where some values are known already.
struct Rest {
  std::vector<bool> runs;   // by node: the output needs it, and no known value stands before it
  std::vector<bool> reads;  // by value: known, and read by a node that runs, or the output itself
  bool image = false;       // the input is not known, and read
};
// known: one entry per graph value; constants are never missing.
Rest rest_behind(const Graph& graph, const std::vector<bool>& known);

// Bytes of a value as the model codes it.
std::size_t value_bytes(const QuantizedModel& model, ValueId id);

}  // namespace bitsieve
