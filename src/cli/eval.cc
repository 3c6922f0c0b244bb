// bitsieve eval: accuracy of a float or packed model on labelled images, or on a shard of them.
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "cli/evaluation.h"
#include "cli/images.h"
#include "cli/model_file.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

struct EvalOptions : Options {
  std::string reference, shard = "0/1";
  bool compares() const { return !reference.empty(); }
};

Evaluation measure(const QuantizedModel& model, const Images& images, const EvalOptions& options, const char* label) {
  Progress progress(label, images.size());
  EvaluateOptions how;
  how.threads = options.threads;
  how.reference = options.plain;
  how.keep_scores = options.compares();
  how.progress = [&](std::int64_t done) { progress.set(done); };
  return evaluate(model, images.set(), how);
}

QuantizedModel model_of(const ModelFile& file) { return file.packed ? file.packed->model : float_model(file.graph); }

void run(const EvalOptions& options) {
  const Stopwatch clock;
  EvaluationPart part;
  part.shard = shard_named(options.shard);
  const ModelFile file = load_model(options.model, options);
  const QuantizedModel model = model_of(file);
  const std::string output = part_path(part.shard, options.output);
  if (!output.empty()) {
    require_other_file(output, options, file, {options.reference});
    require_writable(output);
  }
  Images images(options.data, true, file.preprocessing, file.input(), options.limit, options.seed);
  warn_of_default_preprocessing(options, file, images);
  part.model = options.model;
  part.model_hash = file.hash;
  part.preprocessing = file.preprocessing.to_toml();
  part.data = options.data;
  part.seed = options.seed;
  part.images = images.size();
  part.selection = images.selection();
  images.narrow(part.shard.first(part.images), part.shard.last(part.images));
  part.digests = images.digests();
  part.result = measure(model, images, options, "evaluating");
  if (options.compares()) {
    Options plain = options;
    if (file.packed) plain.preprocess.clear();
    ModelFile other = load_model(options.reference, plain);
    if (file.packed && other.default_preprocessing) other.preprocessing = file.preprocessing;
    if (other.input() != file.input()) {
      fail("--reference: '{}' reads {}, '{}' reads {}", options.reference, to_string(other.input()), options.model,
           to_string(file.input()));
    }
    // Both see the same pictures, each through its own preprocessing; a packed model lends its own to a reference
    // without.
    Images own(options.data, true, other.preprocessing, other.input(), options.limit, options.seed);
    if (!file.packed && other.path != file.path) warn_of_default_preprocessing(options, other, own);
    own.narrow(part.shard.first(part.images), part.shard.last(part.images));
    part.reference = options.reference;
    part.reference_hash = other.hash;
    part.reference_preprocessing = other.preprocessing.to_toml();
    part.before = measure(model_of(other), own, options, "evaluating the reference");
    part.errors = score_errors(part.before->scores, part.result.scores);
    part.before->scores.clear();
    part.result.scores.clear();
  }
  part.layers = layers_json(model, options.plain).dump();
  if (!output.empty()) write_file_atomically(output, write_part(part));
  print_evaluation(part, options, clock, output);
}

}  // namespace

void add_eval(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<EvalOptions>();
  options->command = command;
  add_model(app, *options);
  add_data(app, *options);
  add_threads(app, *options);
  app.add_option("--reference", options->reference, "compare with this model: agreement, logit SQNR, paired drop");
  app.add_flag("--plain", options->plain, "run the plain executor that defines the integers, instead of the fast one");
  app.add_option("--shard", options->shard,
                 "I/N: only shard I of N, the first being 0; job: the one that mpirun, srun or torchrun says. With -o, "
                 "for bitsieve merge");
  add_output(app, *options,
             "write the result image by image (JSON); with --shard a folder, for shard-I-of-N.json in it");
  app.callback([options] { run(*options); });
}

}  // namespace bitsieve::cli
