// Magnitude pruning to 2:4 along the input channels: a tool for trying SPARQ's 2:4 mode without training.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace bitsieve {

struct PruneOptions {
  // Layers that are pruned even where they are outermost (outermost_layers of graph.h), by name.
  std::vector<std::string> always = {};
};

struct PrunedLayer {
  std::string node;
  std::int64_t weights = 0;
  std::int64_t zeroed = 0;  // set to 0 here
  std::int64_t zeros = 0;   // 0 afterwards, those that were before included
  double energy_kept = 1;   // sum of squares after / before
};

struct PruneReport {
  std::vector<PrunedLayer> layers;      // those pruned
  std::vector<std::string> skipped;     // conv and linear nodes left alone: first, last, depthwise
  std::int64_t weights = 0, zeros = 0;  // over all conv and linear weights, the skipped ones included
  double share_zero() const { return weights ? static_cast<double>(zeros) / static_cast<double>(weights) : 0; }
};

// In each group of four consecutive weights of a filter, in the K order of the specification of SPARQ (A.3: kernel row,
// kernel column, input channel), the two of largest magnitude stay; of equal ones the earlier. A short last group keeps
// two as well. Depthwise layers (one input channel a group) are left alone: their groups of four would be taps.
PruneReport prune_two_of_four(Graph& graph, const PruneOptions& options = {});

}  // namespace bitsieve
