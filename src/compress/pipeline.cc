#include "compress/pipeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "methods/methods.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

bool needs_two_of_four(const std::string& act_code) {
  return act_code != "float" && require_activation_code(act_code).transform[0].two_of_four;
}

class Compression {
 public:
  Compression(const CompressInput& input, const Recipe& recipe) : input_(input), recipe_(recipe) {}

  CompressResult run() {
    if (needs_images(recipe_) && (input_.images < 1 || !input_.image)) {
      fail(
          "recipe '{}' needs images besides the calibration file: give them with --calib, and the file as "
          "--calib-cache",
          recipe_.name);
    }
    Graph target = *input_.graph;  // what the layers' outputs should be
    const Calibration* calibration = input_.calibration;
    Calibration recalibrated;
    const auto calibrate_again = [&](const Graph& graph) {
      recalibrated = calibrate(float_model(graph), input_.images, input_.threads, input_.image,
                               counter("calibrate", input_.images));
      calibration = &recalibrated;
    };
    if (recipe_.equalize) {
      result_.equalize = equalize(target);
      if (result_.equalize->pairs.empty()) {
        result_.warnings.push_back(
            "equalize: no two layers have only positively homogeneous functions between them; nothing changed");
      } else {
        calibrate_again(target);
      }
    }
    Graph graph = target;
    if (recipe_.prune_two_of_four) {
      PruneOptions options;
      const std::vector<LayerRecipe> codes = resolve(graph, recipe_, nullptr);
      for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        if (has_weights(graph.nodes[i]) && needs_two_of_four(codes[i].act_code))
          options.always.push_back(graph.nodes[i].name);
      }
      result_.prune = prune_two_of_four(graph, options);
      if (!recipe_.recalibrate_norms && recipe_.repair == Repair::none) calibrate_again(graph);
    }
    QuantizeResult quantized = quantize(graph, *calibration, recipe_, input_.threads);
    result_.model = std::move(quantized.model);
    result_.warnings.insert(result_.warnings.end(), quantized.warnings.begin(), quantized.warnings.end());
    // Together with the repair where nothing comes between the two (pipeline.h says why).
    const bool learned = recipe_.rounding == Rounding::learned;
    const bool together = learned && recipe_.repair != Repair::none && !recipe_.recalibrate_norms;
    if (learned && !together) learn(target);
    if (recipe_.recalibrate_norms) recalibrate();
    if (recipe_.repair != Repair::none) repair_outputs(target, together);
    if (result_.rounding) {
      const std::vector<std::string>& said = result_.rounding->warnings;
      result_.warnings.insert(result_.warnings.end(), said.begin(), said.end());
    }
    return std::move(result_);
  }

 private:
  std::function<void(std::int64_t)> counter(std::string_view step, std::int64_t of) const {
    if (!input_.progress) return {};
    return [this, step, of](std::int64_t done) { input_.progress(step, done, of); };
  }

  // Images of one pass over the layers within the memory for them.
  std::int64_t images_at_once(std::int64_t wanted, std::int64_t available, std::int64_t beside = 0) const {
    const std::int64_t each = LayerPass::bytes_per_image(result_.model) + beside;
    const std::int64_t fit = repair_bytes / std::max<std::int64_t>(each, 1);
    return std::max<std::int64_t>(1, std::min({wanted, available, fit}));
  }

  void learn(const Graph& target) {
    const auto nodes = static_cast<std::int64_t>(target.nodes.size());
    const std::int64_t images = images_at_once(rounding_images, input_.images, LayerPass::bytes_per_image(target));
    const bool means_follow = recipe_.recalibrate_norms && std::any_of(target.nodes.begin(), target.nodes.end(),
                                                                       [](const Node& n) { return n.norm != nullptr; });
    result_.rounding = learn_rounding(result_.model, target, images, input_.image, means_follow, input_.threads,
                                      counter("learn rounding", nodes));
  }

  void recalibrate() {
    RecalibrateOptions options;
    const std::int64_t wanted = options.batches * options.batch_size, batch = options.batch_size;
    const ImageLoader& image = input_.training_image ? input_.training_image : input_.image;
    const std::int64_t images = input_.training_image ? wanted : input_.images;
    options.batch_size = images_at_once(batch, images);
    options.threads = input_.threads;
    if (const auto count = counter("recalibrate norms", options.batches)) options.progress = count;
    RecalibrateReport report = recalibrate_norms(result_.model, images, image, options);
    if (input_.training_image && input_.training_images > 0) {
      report.distinct_images = std::min(report.distinct_images, input_.training_images);
    }
    result_.recalibrate = report;
    if (report.layers == 0) {
      result_.warnings.push_back(
          "recalibrate_norms: the network has no batch norms (folded before it was written?); nothing changed");
      return;
    }
    if (report.distinct_images < wanted || report.batch_size < batch) {
      result_.warnings.push_back(
          fmt::format("recalibrate_norms: {} batches of {} images, of {} different ones (the authors: {} of {})",
                      report.batches, report.batch_size, report.distinct_images, options.batches, batch));
    }
    if (!input_.training_image) {
      result_.warnings.push_back(
          "recalibrate_norms: the images are not augmented as in training; expect the statistics to move away");
    }
  }

  void repair_outputs(const Graph& target, bool learn_as_well) {
    const auto nodes = static_cast<std::int64_t>(target.nodes.size());
    const std::int64_t beside = learn_as_well ? LayerPass::bytes_per_image(target) : 0;
    const std::int64_t images = images_at_once(repair_images, input_.images, beside);
    std::optional<RoundingLearner> learner;
    std::function<void(const LayerPass&)> before;
    if (learn_as_well) {
      learner.emplace(result_.model, target, images, input_.image, true, input_.threads);
      before = [&](const LayerPass& pass) { learner->learn(pass); };
    }
    const std::string_view step = learn_as_well ? "learn rounding and repair" : "repair";
    result_.repair = repair(result_.model, target, images, input_.image, recipe_.repair, input_.threads,
                            counter(step, nodes), before, input_.moments);
    if (learner) result_.rounding = learner->report();
    std::int64_t refused = 0;
    for (const LayerRepair& layer : result_.repair->layers) refused += layer.refused;
    if (refused)
      result_.warnings.push_back(fmt::format("repair: {} filters left alone, their bias would overflow", refused));
  }

  const CompressInput& input_;
  const Recipe& recipe_;
  CompressResult result_;
};

}  // namespace

CompressResult compress(const CompressInput& input, const Recipe& recipe) {
  if (!input.graph || !input.calibration) fail("compress needs a network and its calibration");
  return Compression(input, recipe).run();
}

}  // namespace bitsieve
