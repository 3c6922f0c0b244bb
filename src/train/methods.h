// THE TABLE of training methods. Adding one is a file and a line in methods.cc (examples/skeleton_training_method.cc).
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "train/method.h"
#include "train/method_names.h"
#include "train/options.h"

namespace bitsieve::train {

// What a stage starts from.
struct StageStart {
  const Graph& graph;                   // as the stage before left it, or the network that training began with
  const std::vector<LayerBits>& found;  // by the stages before
  std::int64_t steps;                   // of an epoch
};

// Passes over the images with one method. Each stage begins with a fresh optimizer.
struct Stage {
  std::string name;
  TrainerOptions trainer;
  bool restart = false;  // from the network that training began with
  std::function<std::unique_ptr<Method>(const StageStart&)> make;
};

struct MethodRow {
  MethodName name;
  std::vector<Stage> (*stages)(const TrainOptions&);  // as settled() leaves them
  // The weight code whose grid the trained weights lie on; nothing where layers have bits of their own (layer_bits).
  std::string (*code)(const TrainOptions&) = nullptr;
};

std::span<const MethodRow> training_methods();

// Throws Error that lists the names.
const MethodRow& require_training_method(const std::string& name);

}  // namespace bitsieve::train
