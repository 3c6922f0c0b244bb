// Training a network on labelled images. Free of torch: what the rest of the program sees.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/state_file.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "graph/graph.h"
#include "quant/calibration.h"
#include "quant/recipe.h"
#include "train/options.h"

namespace bitsieve::train {

struct TrainResult {
  Graph graph;                    // with the trained weights, norms folded
  std::vector<LayerBits> layers;  // where the method has bits
  std::vector<EpochReport> epochs;
  std::map<std::string, double> chosen;  // what a method chose itself, by the name of the option
  std::vector<std::string> notes;        // TrainWatch::stage_done's, also from before the checkpoint
  Recipe recipe;                      // for quantize(): codes whose grids the weights lie on, where the method has such
  std::optional<Calibration> ranges;  // of activations, where they were quantized while training
  bool complete = true;               // false where it was stopped: all else is empty
};

struct TrainWatch {
  std::function<void(const EpochReport&)> report;  // after each epoch; after resuming, of those before as well
  // Steps done of all, and the seconds that are left by the pace so far.
  std::function<void(std::int64_t done, std::int64_t of, double left)> progress;
  // After each epoch, and where it was stopped: what train_network() goes on from.
  std::function<void(const State&)> checkpoint;
  // After each stage but the last, with what would be the result if it ended there. Its answer is kept (notes).
  std::function<std::string(const std::string& stage, const TrainResult& so_far)> stage_done;
  const std::atomic<bool>* stop = nullptr;  // looked at after each step
};

// Trains the network (batch norms folded, activations fused; folded norms are trained as norms). The same weights for
// the same options and number of threads, also where it goes on from a checkpoint: of several processes the one of
// rank 0 gives it to all. Throws Error where data or options do not fit, where `from` is of another run, or the loss is
// no number any more.
TrainResult train_network(const Graph& graph, const Dataset& data, const Preprocessing& preprocessing,
                          const TrainOptions& options, const TrainWatch& watch = {}, const State* from = nullptr);

}  // namespace bitsieve::train
