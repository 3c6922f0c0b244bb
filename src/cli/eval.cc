// bitsieve eval: accuracy of a float or packed model on labelled images.
#include <cmath>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "cli/images.h"
#include "cli/model_file.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

Evaluation measure(const QuantizedModel& model, const Images& images, const Options& options, const char* label) {
  Progress progress(label, images.size());
  EvaluateOptions how;
  how.threads = options.threads;
  how.reference = options.plain;
  how.progress = [&](std::int64_t done) { progress.set(done); };
  return evaluate(model, images.set(), how);
}

QuantizedModel model_of(const ModelFile& file) { return file.packed ? file.packed->model : float_model(file.graph); }

void run(const Options& options, const std::string& reference_path) {
  const Stopwatch clock;
  const ModelFile file = load_model(options.model, options);
  const QuantizedModel model = model_of(file);
  const Images images(options.data, true, file.preprocessing, file.input(), options.limit, options.seed);
  warn_of_default_preprocessing(options, file, images);
  const Evaluation result = measure(model, images, options, "evaluating");
  const auto interval = wilson_interval(result.correct, result.count);
  Json document = Json::object();
  std::string comparison;
  if (!reference_path.empty()) {
    Options plain = options;
    if (file.packed) plain.preprocess.clear();
    ModelFile other = load_model(reference_path, plain);
    if (file.packed && other.default_preprocessing) other.preprocessing = file.preprocessing;
    if (other.input() != file.input()) {
      fail("--reference: '{}' reads {}, '{}' reads {}", reference_path, to_string(other.input()), options.model,
           to_string(file.input()));
    }
    // Both see the same pictures, each through its own preprocessing; a packed model lends its own to a reference
    // without.
    const Images own(options.data, true, other.preprocessing, other.input(), options.limit, options.seed);
    if (!file.packed && other.path != file.path) warn_of_default_preprocessing(options, other, own);
    const Evaluation before = measure(model_of(other), own, options, "evaluating the reference");
    const PairedDrop drop = paired_drop(before, result);
    const double sqnr = logit_sqnr_db(before.scores, result.scores);
    document["reference"] = {
        {"model", reference_path}, {"model_hash", other.hash}, {"top1", before.top1()}, {"correct", before.correct}};
    document["agreement"] = agreement(before, result);
    document["logit_sqnr_db"] = number(sqnr);
    document["drop"] = drop.drop;
    document["drop_ci95"] = drop.ci95;
    comparison = fmt::format(
        "\nreference {}: top-1 {:.2f} %; agreement {:.2f} %, logit SQNR {:.1f} dB, drop {:.2f} points (95 %: {:.2f} to "
        "{:.2f})",
        reference_path, before.top1(), agreement(before, result), sqnr, drop.drop, drop.ci95[0], drop.ci95[1]);
  }
  if (options.json()) {
    Json all = run_facts(options, clock);
    all["model"] = options.model;
    all["model_hash"] = file.hash;
    all["data"] = options.data;
    all["data_hash"] = images.hash();
    all.update(accuracy_json(result));
    all.update(document);
    all["layers"] = layers_json(model, options.plain);
    return print_json(all);
  }
  std::printf("top-1 %.2f %% (95 %%: %.2f to %.2f), top-5 %.2f %%, %lld of %lld correct, %.0f images/s%s\n",
              result.top1(), interval[0], interval[1], result.top5(), static_cast<long long>(result.correct),
              static_cast<long long>(result.count), result.images_per_second(), comparison.c_str());
}

}  // namespace

void add_eval(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<Options>();
  auto reference = std::make_shared<std::string>();
  options->command = command;
  add_model(app, *options);
  add_data(app, *options);
  add_threads(app, *options);
  app.add_option("--reference", *reference, "compare with this model: agreement, logit SQNR, paired drop");
  app.add_flag("--plain", options->plain, "run the plain executor that defines the integers, instead of the fast one");
  app.callback([options, reference] { run(*options, *reference); });
}

}  // namespace bitsieve::cli
