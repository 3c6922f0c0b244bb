// What is known of a node without running it: the first half of its analysis.
#pragma once
#include "eval/analysis.h"
#include "quant/model.h"

namespace bitsieve {

LayerAnalysis layer_facts(const QuantizedModel& model, int node);

}  // namespace bitsieve
