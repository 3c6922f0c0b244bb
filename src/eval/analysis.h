// Where a quantized network's error comes from, node by node.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "eval/image_set.h"
#include "quant/model.h"

namespace bitsieve {

// Parts of the error a node makes alone, each a noise power relative to the float output's power. They add up to about
// the whole, not exactly: the parts are slightly correlated.
struct NoiseParts {
  double input = 0;    // the inputs' 8-bit codes: rounding, and clipping at the end of the range
  double weights = 0;  // the integer weights (for nodes without weights: integer arithmetic)
  double window = 0;   // the activation transform: SPARQ's windows, uniform 4 bits
  double output = 0;   // the output's 8-bit codes
  double sum() const { return input + weights + window + output; }
};

// How 8-bit codes are used by real values, over all images. Shares are of 1.
struct CodeUse {
  double zeros = 0;       // code 0
  double saturated = 0;   // code at the end of the range: 255 for u8; -127 and 127 for s8
  double small = 0;       // of the codes that are not 0, those of magnitude 1 to 3: the range is too wide
  double clip_error = 0;  // share of the squared coding error made at saturated codes
};

// Of a repaired model, the error alone includes what its biases and gains do about inherited errors: for causes, look
// at the model before repair.
struct LayerAnalysis {
  int node = 0;  // index into the graph's nodes
  std::string name;
  Op op = Op::conv;
  bool integer = false;               // computed in integers
  std::string weight_code, act_code;  // "float" where there is none
  int act_bits = 32;
  double weight_shifts = 31;  // shifts_per_weight (quant/model.h)
  std::int64_t macs = 0;
  std::int64_t fan_in = 0;  // products in one sum, K; 0 for nodes without weights
  bool depthwise = false;

  double alone_db = 0;        // SQNR of this node alone: float inputs, coded; integers; against the float output
  double accumulated_db = 0;  // SQNR of the quantized network's value here
  // SQNR of the scores where this node's error is the only one; infinite where it was not measured.
  double scores_db = std::numeric_limits<double>::infinity();
  NoiseParts parts;               // of the error alone
  CodeUse input, output;          // all 8-bit inputs together
  double window_changed = 0;      // share of non-zero inputs that the transform replaces
  double window_loss = 0;         // mean relative loss of non-zero inputs: positive when they shrink
  double window_end_error = 0;    // share of the transform's squared error made by codes at the end of the range
  double filter_range_ratio = 1;  // largest weight of the widest filter / of the median filter
  std::int64_t filters = 0;
  std::int64_t constant_filters = 0;  // bias would overflow: the filter was replaced by its bias (compress/quantize.h)
  bool signed_input = false;
  std::string upstream;  // where most of the inherited error was made; empty: nothing inherited

  bool has_weights() const { return op == Op::conv || op == Op::linear; }
};

struct ModelAnalysis {
  std::int64_t images = 0;
  std::vector<LayerAnalysis> nodes;  // one per node of the graph, in its order
};

struct AnalyzeOptions {
  int threads = 0;  // 0: all processors
  // The first so many images also give scores_db, which takes a run of the float network from each node on: for deep
  // networks most of the time. 0: none.
  std::int64_t score_images = 16;
  std::function<void(std::int64_t done)> progress = {};  // after every block of images, from the calling thread
};

// float_network: the network to compare with, all f32, with the same nodes and values as `model` (for an equalized
// model: the float network after equalization, whose values have the model's scales). One streaming pass; memory does
// not depend on the number of images, nor the result on the number of threads. Throws Error when the nodes differ.
ModelAnalysis analyze(const QuantizedModel& model, const QuantizedModel& float_network, const ImageSet& images,
                      const AnalyzeOptions& options = {});

// Indices into analysis.nodes: what disturbs the scores most first; ties, and everything where the scores were not
// measured, by the error alone; then graph order. Only nodes with weights, unless `all`.
std::vector<int> worst_first(const ModelAnalysis& analysis, bool all = false);

}  // namespace bitsieve
