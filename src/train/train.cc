#include "train/train.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/parallel.h"
#include "train/bsq.h"
#include "train/qat.h"
#include "train/trainer.h"

namespace bitsieve::train {
namespace {

std::vector<LayerBits> bits_of(const BsqMethod& method, const Graph& graph) {
  std::vector<LayerBits> layers;
  for (const BsqLayer& layer : method.layers()) {
    const bool gone =
        std::all_of(layer.planes.values.begin(), layer.planes.values.end(), [](float v) { return v == 0; });
    layers.push_back({graph.nodes[layer.node].name, layer.planes.size, gone ? 0 : layer.planes.bits,
                      layer.adjusted.from_top, layer.adjusted.from_bottom, layer.adjusted.grown});
  }
  return layers;
}

std::vector<LayerBits> bits_of(const QatMethod& method, const Graph& graph) {
  std::vector<LayerBits> layers;
  for (const auto& [node, layer] : method.layers())
    layers.push_back({graph.nodes[node].name, graph.nodes[node].weight().size(), layer.bits});
  return layers;
}

std::map<std::size_t, QatStart> uniform_scheme(const Graph& graph, int bits) {
  std::map<std::size_t, QatStart> scheme;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    if (has_weights(graph.nodes[node])) scheme[node].bits = bits;
  }
  return scheme;
}

// The scheme that `found` has, from its weights and the module as it is, or from the network that it started from.
Graph finetune(const Graph& graph, const GraphModule& module, const BsqMethod& found, BatchStream& batches,
               const TrainOptions& options, const std::function<void(const EpochReport&)>& report) {
  std::map<std::size_t, QatStart> scheme;
  const std::vector<LayerBits> bits = bits_of(found, graph);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const BsqLayer& layer = found.layers()[i];
    QatStart& start = scheme[layer.node];
    start.bits = bits[i].bits;
    if (!options.restart && start.bits > 0) start.planes = layer.planes;
  }
  GraphModule again(options.restart ? graph : module.graph());
  QatMethod method(std::move(scheme));
  TrainerOptions trainer = options.trainer;
  trainer.epochs = options.finetune_epochs;
  trainer.schedule.rate = options.finetune_rate;
  trainer.schedule.warmup = 0;
  train(again, method, batches, trainer, [&](EpochReport done) {
    done.epoch += options.trainer.epochs;
    if (report) report(done);
  });
  return again.graph();
}

double mean_bits(const std::vector<LayerBits>& layers, int sign) {
  double bits = 0, weights = 0;
  for (const LayerBits& layer : layers) {
    bits += static_cast<double>(layer.weights) * (layer.bits == 0 ? 0 : layer.bits + sign);
    weights += static_cast<double>(layer.weights);
  }
  return weights == 0 ? 0 : bits / weights;
}

}  // namespace

double magnitude_bits(const std::vector<LayerBits>& layers) { return mean_bits(layers, 0); }
double stored_bits(const std::vector<LayerBits>& layers) { return mean_bits(layers, 1); }

TrainResult train_network(const Graph& graph, const Dataset& data, const Preprocessing& preprocessing,
                          const TrainOptions& options, const std::function<void(const EpochReport&)>& report) {
  torch::set_num_threads(options.threads > 0 ? options.threads : available_threads());
  BatchStream batches(data, preprocessing, graph.shape(graph.input), options.batches);
  TrainResult result;
  GraphModule module(graph);
  if (options.method == "float") {
    FloatMethod method;
    train(module, method, batches, options.trainer, report);
  } else if (options.method == "qat") {
    QatMethod method(uniform_scheme(graph, options.qat_bits));
    train(module, method, batches, options.trainer, report);
    result.layers = bits_of(method, graph);
  } else if (options.method == "bsq") {
    BsqMethod method(options.bsq);
    train(module, method, batches, options.trainer, report);
    result.layers = bits_of(method, graph);
    if (options.finetune_epochs > 0) {
      result.graph = finetune(graph, module, method, batches, options, report);
      return result;
    }
  } else {
    fail("there is no training method '{}'; there are float, bsq and qat", options.method);
  }
  result.graph = module.graph();
  return result;
}

}  // namespace bitsieve::train
