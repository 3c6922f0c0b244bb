// How much each layer's narrow code alone disturbs the class scores.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "eval/image_set.h"
#include "quant/model.h"
#include "quant/recipe.h"

namespace bitsieve {

// Graph, calibration and everything but the recipe are the caller's: so are repair and equalization.
using MakeModel = std::function<QuantizedModel(const Recipe&)>;

struct LayerSensitivity {
  int node = 0;  // index into the graph's nodes
  std::string name;
  LayerRecipe code;  // the recipe's codes of this layer
  std::int64_t macs = 0;
  double noise = 0;        // power of the change of all scores / power of the scores; 0: nothing changes
  double agreement = 100;  // share of images, in percent, whose first class stays the same
  double sqnr_db() const;  // the same as `noise`, of the scores: infinity for 0
};

// One rule per layer, a pattern that is this layer's whole name and nothing else.
LayerRule layer_rule(const std::string& name, const LayerRecipe& code);

// Compares, on every image, the network with every layer at the end of its ladder (8 bits) with the one in which a
// single layer has the recipe's codes. One entry for each layer whose ladder has more than one rung, in graph order; no
// labels are needed. Repair and recalibration of norms are left out: they would answer to the whole network's error,
// not to one layer's. Only the part of the network behind a layer is run again. The result does not depend on the
// number of threads.
std::vector<LayerSensitivity> measure_sensitivity(const Recipe& recipe, const MakeModel& make_model,
                                                  const ImageSet& images, int threads = 0,
                                                  const std::function<void(std::int64_t done)>& progress = {});

}  // namespace bitsieve
