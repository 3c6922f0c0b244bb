#include "train/methods.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "train/bsq.h"
#include "train/coded.h"
#include "train/msq.h"
#include "train/qat.h"

namespace bitsieve::train {
namespace {

std::vector<Stage> float_stages(const TrainOptions& options) {
  return {{"float", options.trainer, false, [](const StageStart&) { return std::make_unique<FloatMethod>(); }}};
}

std::vector<Stage> qat_stages(const TrainOptions& options) {
  return {{"qat", options.trainer, false,
           [bits = options.qat_bits, named = options.scheme,
            how = QatOptions{options.plain_scales, options.latent_rate, false}](const StageStart& start) {
             std::map<std::size_t, QatStart> scheme;
             for (std::size_t node = 0; node < start.graph.nodes.size(); ++node) {
               if (!has_weights(start.graph.nodes[node])) continue;
               const auto own = named.find(start.graph.nodes[node].name);
               if (named.empty()) scheme[node].bits = bits;
               if (own != named.end()) scheme[node].bits = own->second;
             }
             return std::make_unique<QatMethod>(std::move(scheme), how);
           }}};
}

// QAT with the bits that were found.
Stage finetuning(const TrainOptions& options) {
  Stage stage{"finetune", options.trainer, *options.restart, {}};
  stage.trainer.epochs = options.finetune_epochs;
  Schedule& schedule = stage.trainer.schedule;
  schedule.rate = options.finetune_rate;
  schedule.warmup = 0;
  schedule.drops = options.finetune_drops;
  stage.make = [restart = stage.restart, how = QatOptions{options.plain_scales, options.latent_rate,
                                                          options.bsq.official_projection}](const StageStart& start) {
    std::map<std::size_t, QatStart> scheme;
    for (const LayerBits& layer : start.found) {
      for (std::size_t node = 0; node < start.graph.nodes.size(); ++node) {
        if (start.graph.nodes[node].name == layer.node) scheme[node] = {layer.bits, restart ? 0 : layer.scale};
      }
    }
    return std::make_unique<QatMethod>(std::move(scheme), how);
  };
  return stage;
}

std::vector<Stage> with_finetuning(Stage stage, const TrainOptions& options) {
  std::vector<Stage> stages{std::move(stage)};
  if (options.finetune_epochs > 0) stages.push_back(finetuning(options));
  return stages;
}

// steps: of an epoch; interval: epochs between adjustments.
Pace pace_of(const TrainerOptions& trainer, std::int64_t steps, double interval) {
  const Schedule& schedule = trainer.schedule;
  Pace pace;
  pace.rate = schedule.kind == Schedule::Kind::cosine ? schedule.rate / 2 : schedule.rate;
  pace.momentum = trainer.momentum;
  pace.steps =
      std::max<std::int64_t>(1, std::llround(static_cast<double>(steps) * std::min<double>(interval, trainer.epochs)));
  return pace;
}

std::vector<Stage> bsq_stages(const TrainOptions& options) {
  return with_finetuning({"bsq", options.trainer, false,
                          [bsq = options.bsq, trainer = options.trainer](const StageStart& start) {
                            return std::make_unique<BsqMethod>(bsq, pace_of(trainer, start.steps, bsq.interval));
                          }},
                         options);
}

std::vector<Stage> msq_stages(const TrainOptions& options) {
  return with_finetuning({"msq", options.trainer, false,
                          [msq = options.msq, trainer = options.trainer](const StageStart& start) {
                            return std::make_unique<MsqMethod>(msq, pace_of(trainer, start.steps, msq.interval));
                          }},
                         options);
}

std::vector<Stage> swis_stages(const TrainOptions& options) {
  return {{"swis", options.trainer, false,
           [coded = options.coded](const StageStart&) { return std::make_unique<CodedMethod>(coded); }}};
}

const MethodRow method_table[] = {
    {{"float", "plain SGD on the weights", false}, float_stages},
    {{"bsq", "every bit of every weight is trained; each layer finds its own width", true}, bsq_stages},
    {{"qat", "fixed bits for every layer, straight-through rounding, trained scales", true}, qat_stages},
    {{"msq", "the lowest bit of every weight is regularized and dropped where few weights have it", true}, msq_stages},
    {{"swis", "weights as a SWIS code has them, gradients straight through", true},
     swis_stages,
     [](const TrainOptions& options) { return options.coded.code + "-exact"; }},
};

}  // namespace

std::span<const MethodRow> training_methods() { return method_table; }

const MethodRow& require_training_method(const std::string& name) {
  std::string allowed;
  for (const MethodRow& row : training_methods()) {
    if (row.name.name == name) return row;
    allowed += (allowed.empty() ? "" : ", ") + row.name.name;
  }
  fail("there is no training method '{}'; there are {}", name, allowed);
}

std::vector<MethodName> method_names() {
  std::vector<MethodName> names;
  for (const MethodRow& row : training_methods()) names.push_back(row.name);
  return names;
}

MethodName require_method_name(const std::string& name) { return require_training_method(name).name; }

}  // namespace bitsieve::train
