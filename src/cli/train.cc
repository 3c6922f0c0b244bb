// bitsieve train, in the program bitsieve-train: float or bit-level training; the result is an ONNX file whose weights
// lie on the grid found.
#include "train/train.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/parallel.h"
#include "cli/images.h"
#include "cli/model_file.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "data/dataset.h"
#include "eval/accuracy.h"
#include "graph/onnx/writer.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

struct TrainVerb {
  Options options;
  train::TrainOptions training;
  std::string schedule = "cosine", test;
  std::vector<double> drops;
  double plane_decay = -1;
  bool no_augment = false;
};

Json json_of(const train::EpochReport& r) {
  return {{"epoch", r.epoch}, {"loss", r.loss},       {"accuracy", r.accuracy},
          {"rate", r.rate},   {"seconds", r.seconds}, {"status", r.status}};
}

void run(TrainVerb verb) {
  const Stopwatch clock;
  Options& options = verb.options;
  const ModelFile file = load_float_model(options.model, options, "train");
  require_other_file(options.output, options, file);
  const std::unique_ptr<Dataset> data = open_dataset(options.data, true);
  std::optional<Images> test;
  if (!verb.test.empty()) test.emplace(verb.test, true, file.preprocessing, file.input(), options.limit, options.seed);
  train::TrainOptions& training = verb.training;
  training.threads = options.threads;
  training.batches.threads = std::max(1, (options.threads > 0 ? options.threads : available_threads()) / 2);
  training.batches.seed = options.seed;
  training.batches.augment = !verb.no_augment;
  training.bsq.threads = options.threads;
  if (verb.plane_decay >= 0) training.bsq.decay = verb.plane_decay;
  training.trainer.schedule.kind =
      verb.schedule == "steps" ? train::Schedule::Kind::steps : train::Schedule::Kind::cosine;
  training.trainer.schedule.drops = verb.drops;
  Json epochs = Json::array();
  if (!options.json()) std::printf("%6s %9s %10s %9s %9s\n", "epoch", "loss", "training %", "rate", "seconds");
  const train::TrainResult result =
      train::train_network(file.graph, *data, file.preprocessing, training, [&](const train::EpochReport& r) {
        epochs.push_back(json_of(r));
        if (options.json()) return;
        std::printf("%6d %9.4f %10.2f %9.5f %9.1f  %s\n", r.epoch, r.loss, r.accuracy, r.rate, r.seconds,
                    r.status.c_str());
        std::fflush(stdout);
      });
  save_onnx(options.output, result.graph);

  Json layers = Json::array();
  int width = 5;
  for (const train::LayerBits& l : result.layers) width = std::max(width, static_cast<int>(l.node.size()));
  if (!result.layers.empty() && !options.json()) {
    std::printf("\n%-*s %10s %6s %9s %12s %6s\n", width, "layer", "weights", "bits", "from top", "from bottom",
                "grown");
  }
  for (const train::LayerBits& l : result.layers) {
    layers.push_back({{"name", l.node},
                      {"weights", l.weights},
                      {"bits", l.bits},
                      {"from_top", l.from_top},
                      {"from_bottom", l.from_bottom},
                      {"grown", l.grown}});
    if (options.json()) continue;
    std::printf("%-*s %10lld %6d %9d %12d %6d\n", width, l.node.c_str(), static_cast<long long>(l.weights), l.bits,
                l.from_top, l.from_bottom, l.grown);
  }
  Json document = run_facts(options, clock);
  document["model"] = options.model;
  document["model_hash"] = file.hash;
  document["data"] = options.data;
  document["method"] = training.method;
  document["epochs"] = epochs;
  document["file"] = options.output;
  if (!result.layers.empty()) {
    document["layers"] = layers;
    document["magnitude_bits"] = magnitude_bits(result.layers);
    document["stored_bits"] = stored_bits(result.layers);
    if (!options.json()) {
      std::printf("\n%.2f bits a weight as the paper counts (magnitudes), %.2f stored with signs: 1/%.1f of float\n",
                  magnitude_bits(result.layers), stored_bits(result.layers), 32 / stored_bits(result.layers));
    }
  }
  if (test) {
    EvaluateOptions how;
    how.threads = options.threads;
    const Evaluation before = evaluate(float_model(file.graph), test->set(), how),
                     after = evaluate(float_model(result.graph), test->set(), how);
    document["test"] = verb.test;
    document["top1_before"] = before.top1();
    document["top1"] = after.top1();
    if (!options.json())
      std::printf("top-1 on %s: %.2f %%, before %.2f %%\n", verb.test.c_str(), after.top1(), before.top1());
  }
  if (options.json()) return print_json(document);
  std::printf("\nwritten: %s; %.0f s\n", options.output.c_str(), clock.seconds());
  if (!result.layers.empty()) {
    std::printf("next: bitsieve quantize %s --weights int8-exact --first-last same --calib %s -o %s\n",
                options.output.c_str(), options.data.c_str(), "model.bsv");
  }
}

}  // namespace

void add_train(CLI::App& app, const std::string& command) {
  auto verb = std::make_shared<TrainVerb>();
  verb->options.command = command;
  train::TrainOptions& t = verb->training;
  add_model(app, verb->options, "ONNX file");
  app.add_option("--data", verb->options.data, "labelled images to train on: KIND:PATH[:SPLIT]")
      ->check(not_empty())
      ->required();
  app.add_option("--test", verb->test, "labelled images to measure the result on");
  app.add_option("--limit", verb->options.limit, "test images (default: all)")->check(at_least(0));
  app.add_option("--preprocess", verb->options.preprocess, "preprocessing file (default: MODEL with .toml)");
  app.add_option("-o,--output", verb->options.output, "ONNX file to write")->check(not_empty())->required();
  app.add_option("--method", t.method, "float, bsq (every bit of every weight is trained) or qat (fixed bits)")
      ->check(CLI::IsMember({"float", "bsq", "qat"}));
  app.add_option("--epochs", t.trainer.epochs, "passes over the images")->check(at_least(1, 100000));
  app.add_option("--batch", t.batches.batch, "images a step")->check(at_least(1, 1 << 20));
  app.add_option("--train-images", t.batches.most_images, "train on so many (a seeded choice; default: all)")
      ->check(at_least(0));
  app.add_option("--rate", t.trainer.schedule.rate, "learning rate")->check(CLI::Range(0.0, 1e6));
  app.add_option("--schedule", verb->schedule, "of the rate: cosine or steps")
      ->check(CLI::IsMember({"cosine", "steps"}));
  app.add_option("--drops", verb->drops, "steps: epochs after which the rate is a tenth")->delimiter(',');
  app.add_option("--warmup", t.trainer.schedule.warmup, "epochs from 0 up to the rate")->check(CLI::Range(0.0, 1e6));
  app.add_option("--momentum", t.trainer.momentum, "of SGD")->check(CLI::Range(0.0, 0.9999));
  app.add_option("--decay", t.trainer.decay, "weight decay")->check(CLI::Range(0.0, 1.0));
  app.add_option("--label-smoothing", t.trainer.label_smoothing, "share of a label given to all classes")
      ->check(CLI::Range(0.0, 1.0));
  app.add_flag("--no-augment", verb->no_augment, "pictures as they are, neither moved nor mirrored");
  const char* bsq = "BSQ";
  app.add_option("--alpha", t.bsq.alpha, "weight of the regularizer; scale it by 350 / epochs in short runs")
      ->check(CLI::Range(0.0, 1e6))
      ->group(bsq);
  app.add_option("--bits", t.bsq.bits, "magnitude bits at the start")->check(at_least(1, 8))->group(bsq);
  app.add_option("--interval", t.bsq.interval, "epochs between adjustments")->check(at_least(1, 100000))->group(bsq);
  app.add_option("--plane-decay", verb->plane_decay, "weight decay of planes (default: 0.0001)")
      ->check(CLI::Range(0.0, 1.0))
      ->group(bsq);
  app.add_option("--finetune-epochs", t.finetune_epochs, "passes with the bits found (default: none)")
      ->check(at_least(0, 100000))
      ->group(bsq);
  app.add_option("--finetune-rate", t.finetune_rate, "learning rate there")->check(CLI::Range(0.0, 1e6))->group(bsq);
  app.add_flag("--restart", t.restart, "finetune the weights of MODEL, with the bits found")->group(bsq);
  app.add_option("--qat-bits", t.qat_bits, "qat: magnitude bits of every layer")->check(at_least(1, 7));
  add_threads(app, verb->options);
  app.callback([verb] { run(*verb); });
}

}  // namespace bitsieve::cli
