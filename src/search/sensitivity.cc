#include "search/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "base/error.h"
#include "base/parallel.h"
#include "eval/trace.h"
#include "search/ladder.h"

namespace bitsieve {
namespace {

struct Effect {
  double noise = 0;
  bool same_class = true;
};

std::ptrdiff_t first_class(const std::vector<float>& scores) {
  return std::max_element(scores.begin(), scores.end()) - scores.begin();
}

// One thread's memory: the 8-bit network's values on an image, and those that a change in one layer makes different.
class Worker {
 public:
  Worker(const QuantizedModel& model, const std::vector<NodeRunner>& runners)
      : model_(model), runners_(runners), base_(model), partial_(model, runners, base_) {}

  void load(const ImageSet& images, std::int64_t index) {
    image_.resize(static_cast<std::size_t>(element_count(model_.graph.shape(model_.graph.input))));
    images.image(index, image_);
    base_.run(runners_, image_);
    scores_ = base_.real(model_.graph.output);
  }
  const std::vector<float>& scores() const { return scores_; }

  // Runs `narrow` in place of node `layer`.
  Effect change(int layer, const NodeRunner& narrow) {
    narrow.run(base_.inputs(layer), partial_.output(layer));
    partial_.run(layer);
    const std::vector<float> scores = real_value(model_, model_.graph.output, partial_.value(model_.graph.output));
    Effect effect;
    for (std::size_t j = 0; j < scores.size(); ++j) {
      const double d = static_cast<double>(scores[j]) - scores_[j];
      effect.noise += d * d;
    }
    effect.same_class = first_class(scores) == first_class(scores_);
    return effect;
  }

 private:
  const QuantizedModel& model_;
  const std::vector<NodeRunner>& runners_;
  Trace base_;
  PartialRun partial_;
  std::vector<float> image_, scores_;
};

bool same_code(const ValueCode& a, const ValueCode& b) {
  return a.type == b.type && (a.type == DType::f32 || a.scale == b.scale);
}

// Layers of `model` that have somewhere to climb.
std::vector<LayerSensitivity> candidates(const QuantizedModel& model) {
  std::vector<LayerSensitivity> layers;
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    const Node& node = model.graph.nodes[i];
    if ((node.op != Op::conv && node.op != Op::linear) || !model.layers[i].integer) continue;
    LayerSensitivity layer;
    layer.node = static_cast<int>(i);
    layer.name = node.name;
    layer.code = {model.layers[i].weight_code, model.layers[i].act_code};
    layer.macs = macs(model.graph, node);
    if (ladder(layer.code).size() > 1) layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace

double LayerSensitivity::sqnr_db() const {
  return noise == 0 ? std::numeric_limits<double>::infinity() : -10 * std::log10(noise);
}

LayerRule layer_rule(const std::string& name, const LayerRecipe& code) {
  std::string pattern = "^";
  for (const char c : name) {
    if (std::strchr("^$\\.*+?()[]{}|", c)) pattern += '\\';
    pattern += c;
  }
  return {pattern + "$", code.weight_code, code.act_code};
}

std::vector<LayerSensitivity> measure_sensitivity(const Recipe& recipe, const MakeModel& make_model,
                                                  const ImageSet& images, int threads,
                                                  const std::function<void(std::int64_t)>& progress) {
  if (images.size < 1) fail("measuring sensitivity needs at least one image");
  Recipe plain = recipe;
  plain.repair = Repair::none;
  plain.recalibrate_norms = false;
  const QuantizedModel narrow = make_model(plain);
  std::vector<LayerSensitivity> layers = candidates(narrow);
  if (layers.empty()) return layers;
  for (const LayerSensitivity& layer : layers) plain.rules.push_back(layer_rule(layer.name, ladder(layer.code).back()));
  const QuantizedModel wide = make_model(plain);
  std::vector<NodeRunner> narrow_runners;
  for (const LayerSensitivity& layer : layers) {
    const Node& node = narrow.graph.nodes[static_cast<std::size_t>(layer.node)];
    for (const ValueId id : {node.inputs[0], node.output}) {
      const auto at = static_cast<std::size_t>(id);
      if (!same_code(narrow.values.at(at), wide.values.at(at))) {
        fail("layer '{}': the value '{}' has another scale at 8 bits, so one layer alone cannot be compared",
             layer.name, narrow.graph.values[at].name);
      }
    }
    narrow_runners.emplace_back(narrow, layer.node, false);
  }

  const std::vector<NodeRunner> runners = node_runners(wide);
  constexpr std::int64_t block = 32;
  threads = worker_count(block, threads);
  std::vector<std::unique_ptr<Worker>> workers(static_cast<std::size_t>(threads));
  double signal = 0;
  std::vector<std::int64_t> same(layers.size(), 0);
  // Images are added up in order, a block at a time, so that sums of doubles do not depend on the threads.
  for (std::int64_t first = 0; first < images.size; first += block) {
    const std::int64_t count = std::min(block, images.size - first);
    std::vector<std::vector<Effect>> effects(static_cast<std::size_t>(count), std::vector<Effect>(layers.size()));
    std::vector<double> signals(static_cast<std::size_t>(count), 0);
    parallel_for(count, threads, [&](std::int64_t i, int w) {
      auto& worker = workers[static_cast<std::size_t>(w)];
      if (!worker) worker = std::make_unique<Worker>(wide, runners);
      worker->load(images, first + i);
      for (const float s : worker->scores()) signals[static_cast<std::size_t>(i)] += static_cast<double>(s) * s;
      for (std::size_t l = 0; l < layers.size(); ++l) {
        effects[static_cast<std::size_t>(i)][l] = worker->change(layers[l].node, narrow_runners[l]);
      }
    });
    for (std::size_t i = 0; i < effects.size(); ++i) {
      signal += signals[i];
      for (std::size_t l = 0; l < layers.size(); ++l) {
        layers[l].noise += effects[i][l].noise;
        same[l] += effects[i][l].same_class;
      }
    }
    if (progress) progress(first + count);
  }
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (signal > 0) layers[l].noise /= signal;
    layers[l].agreement = 100.0 * static_cast<double>(same[l]) / static_cast<double>(images.size);
  }
  return layers;
}

}  // namespace bitsieve
