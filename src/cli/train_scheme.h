// The bits of every layer, for `train --method qat --scheme`.
#pragma once
#include <map>
#include <string>

#include "graph/graph.h"

namespace bitsieve::cli {

// Magnitude bits by node, of a recipe whose weight codes are intN, whatever follows: int4-exact has 3. Layers that
// keep_float (TrainOptions) matches are not in it. Throws Error where a layer has another code or a rule no layer.
std::map<std::string, int> scheme_of(const Graph& graph, const std::string& path, const std::string& keep_float);

}  // namespace bitsieve::cli
