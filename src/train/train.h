// Training a network on labelled images. Free of torch: what the rest of the program sees.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/preprocess.h"
#include "graph/graph.h"
#include "train/options.h"

namespace bitsieve::train {

// What a method made of one layer.
struct LayerBits {
  std::string node;
  std::int64_t weights = 0;
  int bits = 0;  // of a magnitude, as the paper of BSQ counts; 0: the layer is all zeros. Stored: one more
  int from_top = 0, from_bottom = 0, grown = 0;  // planes over all adjustments
};

struct TrainResult {
  Graph graph;                    // with the trained weights, norms folded
  std::vector<LayerBits> layers;  // of bsq and qat; empty for float
};

// Trains the network (batch norms folded, activations fused; folded norms are trained as norms). The same weights for
// the same options and number of threads. Throws Error where data or options do not fit, or the loss is no number any
// more. report is called after each epoch.
TrainResult train_network(const Graph& graph, const Dataset& data, const Preprocessing& preprocessing,
                          const TrainOptions& options, const std::function<void(const EpochReport&)>& report = {});

// Mean over all weights; stored: with a sign bit for each weight of a layer that is not all zeros.
double magnitude_bits(const std::vector<LayerBits>& layers);
double stored_bits(const std::vector<LayerBits>& layers);

}  // namespace bitsieve::train
