// bitsieve train, in the program bitsieve-train: float, bit-level or quantization-aware training.
#include "train/train.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "base/parallel.h"
#include "cli/images.h"
#include "cli/interrupt.h"
#include "cli/model_file.h"
#include "cli/packing.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/train_options.h"
#include "cli/train_scheme.h"
#include "cli/verbs.h"
#include "compress/quantize.h"
#include "data/dataset.h"
#include "eval/accuracy.h"
#include "graph/onnx/writer.h"
#include "quant/weight_facts.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

Json json_of(const train::EpochReport& r) {
  Json line = {{"epoch", r.epoch},       {"stage", r.stage}, {"loss", number(r.loss)},
               {"accuracy", r.accuracy}, {"rate", r.rate},   {"seconds", r.seconds}};
  if (r.bits.empty()) return line;
  line["magnitude_bits"] = r.mean_bits;
  line["bits"] = r.bits;
  return line;
}

Json json_of(const train::LayerBits& l) {
  return {{"name", l.node},         {"weights", l.weights},         {"bits", l.bits},
          {"from_top", l.from_top}, {"from_bottom", l.from_bottom}, {"grown", l.grown},
          {"halved", l.halved}};
}

std::string duration(double seconds) {
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  if (seconds < 6000) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

// Rows as epochs end, and a log: a file is whole at all times, also after resuming; a pipe or a device gets each line
// once.
class EpochTable {
 public:
  explicit EpochTable(const TrainVerb& verb) : verb_(verb) {
    if (!verb.first()) return;
    if (!verb.log.empty() && is_stream(verb.log)) {
      std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of writing
      stream_.open(verb.log, std::ios::app);
      if (!stream_) fail("cannot write '{}'", verb.log);
    }
    if (!verb.options.json())
      std::printf("%6s %-9s %9s %10s %9s %7s %9s %9s\n", "epoch", "stage", "loss", "training %", "rate", "bits",
                  "seconds", "left");
  }

  // again: of the run that this one goes on from.
  void add(const train::EpochReport& r, bool again) {
    epochs_.push_back(json_of(r));
    if (!verb_.first()) return;
    if (stream_.is_open()) {
      if (!again && !(stream_ << epochs_.back().dump() << std::endl)) fail("cannot write '{}'", verb_.log);
    } else if (!verb_.log.empty()) {
      log_ += epochs_.back().dump() + '\n';
      write_file_atomically(verb_.log, log_);
    }
    if (verb_.options.json()) return;
    std::printf("%6d %-9s %9.4f %10.2f %9.5f %7s %9.1f %9s\n", r.epoch, r.stage.c_str(), r.loss, r.accuracy, r.rate,
                r.bits.empty() ? "" : fmt::format("{:.2f}", r.mean_bits).c_str(), r.seconds, duration(r.left).c_str());
    std::fflush(stdout);
  }

  const Json& epochs() const { return epochs_; }

 private:
  const TrainVerb& verb_;
  Json epochs_ = Json::array();
  std::string log_;
  std::ofstream stream_;
};

// What the state was made with, if it is not what is asked for now.
void require_same_run(const State& state, const Json& now, const std::string& path) {
  const Json before = Json::parse(state.text("options"), nullptr, false);
  if (!before.is_object()) fail("'{}' does not say what it was made with", path);
  for (const auto& [name, value] : now.items()) {
    if (!before.contains(name) || before[name] != value)
      throw Error(fmt::format("--resume: '{}' was made with {} {}, and this is {}; give the same options", path, name,
                              before.contains(name) ? before[name].dump() : "unknown", value.dump()),
                  ErrorKind::usage);
  }
}

EvaluateOptions how_of(const TrainVerb& verb) {
  EvaluateOptions how;
  how.threads = verb.options.threads;
  return how;
}

QuantizeResult integers_of(const train::TrainResult& result, int threads) {
  return quantize(result.graph, *result.ranges, result.recipe, threads);
}

// What it is that runs: integers where activations were trained as such.
QuantizedModel integers_or_floats(const train::TrainResult& result, int threads) {
  return result.ranges ? integers_of(result, threads).model : float_model(result.graph);
}

// test: where the network is measured after each stage; null: nowhere.
train::TrainResult train_it(TrainVerb& verb, const ModelFile& file, const Dataset& data, const Images* test,
                            EpochTable& table) {
  const Json made_with = options_json(verb, file, data);
  std::error_code ignored;
  std::optional<State> from;
  const bool there = std::filesystem::exists(verb.checkpoint, ignored);
  if (verb.resume && verb.first()) {
    if (!there) fail("--resume: there is no '{}'; start without --resume", verb.checkpoint);
    from = load_state(verb.checkpoint);
    require_same_run(*from, made_with, verb.checkpoint);
  } else if (there && verb.first()) {
    fail("'{}' is of a run that did not end: go on with --resume, or delete it", verb.checkpoint);
  }
  for (const auto& [name, value] : made_with.items()) {
    // How many threads each machine has is its own.
    if (name != "--threads") verb.training.agreed[name] = value.dump();
  }
  bool kept = verb.resume && verb.first();
  std::int64_t steps = 0, all = 0;
  train::TrainResult result;
  const StopOnSignal signals;
  Progress progress("training", 0);
  train::TrainWatch watch;
  watch.stop = &signals.asked();
  const std::int64_t before = from ? from->whole("epochs") : 0;
  watch.report = [&](const train::EpochReport& r) { table.add(r, r.epoch <= before); };
  watch.progress = [&](std::int64_t done, std::int64_t of, double left) {
    steps = done;
    all = of;
    progress.set("training, " + duration(left) + " left", done, of);
  };
  watch.checkpoint = [&](const State& state) {
    if (!verb.first()) return;
    State whole = state;
    whole.texts["options"] = made_with.dump();
    save_state(verb.checkpoint, whole);
    kept = true;
  };
  // Alone: other processes would wait for their next sum meanwhile.
  if (test != nullptr && verb.training.part.size == 1)
    watch.stage_done = [&](const std::string& stage, const train::TrainResult& so_far) {
      const Evaluation measured = evaluate(integers_or_floats(so_far, verb.options.threads), test->set(), how_of(verb));
      if (!verb.options.json())
        std::printf("%6s %-9s top-1 on %s: %.2f %%\n", "", stage.c_str(), verb.test.c_str(), measured.top1());
      Json note = {{"stage", stage}, {"test_hash", test->hash()}, {"after", accuracy_json(measured)}};
      if (!so_far.layers.empty()) {
        note["magnitude_bits"] = magnitude_bits(so_far.layers);
        note["stored_bits"] = stored_bits(so_far.layers);
      }
      return note.dump();
    };
  try {
    result = train::train_network(file.graph, data, file.preprocessing, verb.training, watch, from ? &*from : nullptr);
  } catch (const Error& e) {
    if (!kept) throw;
    fail("{}; the last good state is '{}' (delete it to start anew with other options)", e.what(), verb.checkpoint);
  }
  if (!result.complete)
    fail("interrupted after {} of {} steps; the same command with --resume goes on ('{}')", steps, all,
         verb.checkpoint);
  return result;
}

void print_layers(const std::vector<train::LayerBits>& layers) {
  Table table({"<layer", "weights", "bits", "from top", "from bottom", "grown", "halved"});
  for (const train::LayerBits& l : layers) {
    std::vector<std::string> cells{l.node};
    for (const std::int64_t number : {l.weights, std::int64_t{l.bits}, std::int64_t{l.from_top},
                                      std::int64_t{l.from_bottom}, std::int64_t{l.grown}, std::int64_t{l.halved}})
      cells.push_back(fmt::format("{}", number));
    table.add(std::move(cells));
  }
  std::printf("\n");
  table.print();
  const double stored = stored_bits(layers);
  std::printf("\n%.2f bits a weight as the paper counts (magnitudes), %.2f with signs%s\n", magnitude_bits(layers),
              stored, stored > 0 ? fmt::format(": 1/{:.1f} of float", 32 / stored).c_str() : ": every layer is empty");
}

// A run that is too short for its target ends above it.
void warn_of_missed_target(const TrainVerb& verb, const std::vector<train::LayerBits>& layers) {
  const train::TrainOptions& t = verb.training;
  const double target = t.method == "bsq"   ? t.bsq.target
                        : t.method == "msq" ? t.msq.target
                                            : 0,
               bits = magnitude_bits(layers);
  if (target > 0 && bits > target + 1e-9)
    warn(verb.options, fmt::format("--target-bits {} was not reached: {:.2f} bits a weight; more --epochs{} would get "
                                   "further",
                                   target, bits,
                                   t.method == "msq" ? (t.msq.lambda ? ", a larger --lambda or --odd-share"
                                                                     : " or a larger --odd-share")
                                                     : " or fewer --bits to begin with"));
}

// What the .onnx file says of its layers. Bits as they were trained: a layer without any has none.
std::map<std::string, std::string> facts_of(const QuantizedModel* model, const std::vector<train::LayerBits>& layers) {
  std::map<std::string, std::string> facts;
  if (model != nullptr) facts = weight_facts(*model);
  for (const train::LayerBits& l : layers) {
    facts[weight_bits_fact + l.node] = std::to_string(l.bits == 0 ? 0 : l.bits + 1);
    facts[weight_code_fact + l.node] = train::weight_code_of(l);
  }
  return facts;
}

void run(TrainVerb verb) {
  const Stopwatch clock;
  Options& options = verb.options;
  settle(verb);
  const ModelFile file = load_float_model(options.model, options, "train");
  if (!verb.scheme.empty()) verb.training.scheme = scheme_of(file.graph, verb.scheme, verb.training.keep_float);
  const std::vector<std::string> written = files_of(verb);
  for (std::size_t i = 0; i < written.size(); ++i) {
    // The preprocessing may stay where it is: it is not written again then.
    if (same_file(written[i], file.preprocessing_path) && written[i].ends_with(".toml")) continue;
    require_other_file(written[i], options, file,
                       {written.begin() + static_cast<std::ptrdiff_t>(i) + 1, written.end()});
  }
  const std::unique_ptr<Dataset> data = open_dataset(options.data, true);
  std::optional<Images> test;
  if (!verb.test.empty()) test.emplace(verb.test, true, file.preprocessing, file.input(), options.limit, options.seed);
  if (verb.first()) {
    for (const std::string& path : files_of(verb)) {
      // The table opens streams, once: a pipe's reader goes when it is closed.
      if (path != verb.log || !is_stream(path)) require_writable(path);
    }
  }
  std::optional<Evaluation> before;
  const auto float_accuracy = [&] { return evaluate(float_model(file.graph), test->set(), how_of(verb)); };
  const bool alone = verb.training.part.size == 1;
  if (test && alone) before = float_accuracy();  // others would have to wait
  EpochTable table(verb);
  const train::TrainResult result = train_it(verb, file, *data, test ? &*test : nullptr, table);
  if (!verb.first()) return;
  if (test && !alone) before = float_accuracy();

  std::optional<QuantizedModel> model;
  std::vector<std::string> files;
  if (result.ranges) {
    QuantizeResult quantized = integers_of(result, options.threads);
    for (const std::string& line : quantized.warnings) warn(options, line);
    model = std::move(quantized.model);
  }
  for (const std::string& path : verb.outputs) {
    if (is_packed_name(path)) {
      write_file_atomically(path, pack(file, *model, result.recipe, *result.ranges));
    } else {
      save_onnx(path, result.graph, facts_of(model ? &*model : nullptr, result.layers));
      // Without it the network would be shown other pictures than it was trained on.
      files.push_back(preprocessing_beside(path));
      if (!same_file(files.back(), file.preprocessing_path))
        write_file_atomically(files.back(), file.preprocessing.to_toml());
    }
    files.push_back(path);
  }
  if (has_recipe(verb)) {
    files.push_back(recipe_file(verb));
    write_file_atomically(files.back(), to_toml(result.recipe));
  }
  std::error_code ignored;
  std::filesystem::remove(verb.checkpoint, ignored);

  Json document = run_facts(options, clock);
  document["model"] = options.model;
  document["model_hash"] = file.hash;
  document["data"] = options.data;
  document["options"] = options_json(verb, file, *data);
  document["epochs"] = table.epochs();
  document["files"] = files;
  if (!result.layers.empty()) {
    document["layers"] = Json::array();
    for (const train::LayerBits& l : result.layers) document["layers"].push_back(json_of(l));
    document["chosen"] = result.chosen;
    document["magnitude_bits"] = magnitude_bits(result.layers);
    document["stored_bits"] = stored_bits(result.layers);
    warn_of_missed_target(verb, result.layers);
    if (!options.json()) {
      print_layers(result.layers);
      for (const auto& [name, value] : result.chosen) std::printf("chosen: %s %.3g\n", name.c_str(), value);
    }
  }
  if (model) {
    document["avg_bits_per_weight"] = avg_bits_per_weight(*model);
    document["avg_shifts"] = avg_shifts(*model);
    if (!options.json())
      std::printf("%.2f bits a weight in a .bsv file, scales and empty layers included; %.2f shifts\n",
                  avg_bits_per_weight(*model), avg_shifts(*model));
  }
  if (test) {
    const Evaluation after = evaluate(model ? *model : float_model(result.graph), test->set(), how_of(verb));
    document["test"] = verb.test;
    document["test_hash"] = test->hash();
    document["before"] = accuracy_json(*before);
    document["after"] = accuracy_json(after);
    if (!verb.training.scratch && after.top1() < before->top1() / 2)
      warn(options, fmt::format("training cost more than half of the accuracy ({:.2f} % before, {:.2f} % now); a lower "
                                "--rate than {:g}, or more bits, may help",
                                before->top1(), after.top1(), verb.training.trainer.schedule.rate));
    document["stages"] = Json::array();
    for (const std::string& note : result.notes) {
      // Not where the run began with another --test.
      const Json stage = Json::parse(note, nullptr, false);
      if (stage.is_object() && stage.value("test_hash", "") == test->hash()) document["stages"].push_back(stage);
    }
    if (!options.json())
      std::printf("%s on %s: top-1 %.2f %%; %s in float, before: %.2f %%\n", model ? "in integers" : "in float",
                  verb.test.c_str(), after.top1(), options.model.c_str(), before->top1());
  }
  if (options.json()) return print_json(document);
  std::printf("\nwritten: %s; %s\n", fmt::format("{}", fmt::join(files, ", ")).c_str(),
              duration(clock.seconds()).c_str());
}

}  // namespace

void add_train(CLI::App& app, const std::string& command) {
  auto verb = std::make_shared<TrainVerb>();
  verb->options.command = command;
  add_train_options(app, *verb);
  app.callback([verb] { run(*verb); });
}

}  // namespace bitsieve::cli
