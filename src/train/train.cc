#include "train/train.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <regex>
#include <type_traits>

#include "base/error.h"
#include "base/parallel.h"
#include "compress/quantize.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"
#include "train/activations.h"
#include "train/group.h"
#include "train/methods.h"
#include "train/random_start.h"
#include "train/trainer.h"

namespace bitsieve::train {
namespace {

using Clock = std::chrono::steady_clock;

// What a checkpoint holds beside the trainer's own: where the run stands, and what the stages before gave.
struct Standing {
  std::size_t stage = 0;
  std::vector<LayerBits> found;
  std::vector<EpochReport> epochs;
  std::map<std::string, double> chosen;
  std::vector<std::string> notes;
};

constexpr std::string_view chosen_prefix = "chosen ";

// The numbers of a layer and of an epoch, by name: what is saved is what is loaded.
template <class Bits, class Visit>
void visit_layer(Bits& layer, const Visit& visit) {
  visit("weights", layer.weights);
  visit("bits", layer.bits);
  visit("scale", layer.scale);
  visit("from top", layer.from_top);
  visit("from bottom", layer.from_bottom);
  visit("grown", layer.grown);
  visit("halved", layer.halved);
}

template <class Report, class Visit>
void visit_epoch(Report& epoch, const Visit& visit) {
  visit("epochs", epoch.epochs);
  visit("loss", epoch.loss);
  visit("accuracy", epoch.accuracy);
  visit("rate", epoch.rate);
  visit("seconds", epoch.seconds);
  visit("mean bits", epoch.mean_bits);
}

// Reads a number into whatever it belongs to; whole ones have to be whole.
template <class T>
void read(const State& state, const std::string& name, T& into) {
  if constexpr (std::is_floating_point_v<T>) {
    into = state.number(name);
  } else {
    const std::int64_t whole = state.whole(name);
    if (whole < std::numeric_limits<T>::min() || whole > std::numeric_limits<T>::max())
      fail("the state's '{}' is {}", name, whole);
    into = static_cast<T>(whole);
  }
}

void save(const Standing& standing, State& state) {
  state.numbers["stage"] = static_cast<double>(standing.stage);
  state.numbers["found"] = static_cast<double>(standing.found.size());
  for (std::size_t i = 0; i < standing.found.size(); ++i) {
    const LayerBits& layer = standing.found[i];
    const auto key = [&](const char* what) { return fmt::format("found {} {}", i, what); };
    state.texts[key("node")] = layer.node;
    visit_layer(layer, [&](const char* what, auto number) { state.numbers[key(what)] = static_cast<double>(number); });
  }
  for (const auto& [name, value] : standing.chosen) state.numbers[std::string(chosen_prefix) + name] = value;
  state.numbers["notes"] = static_cast<double>(standing.notes.size());
  for (std::size_t i = 0; i < standing.notes.size(); ++i) state.texts[fmt::format("note {}", i)] = standing.notes[i];
  state.numbers["epochs"] = static_cast<double>(standing.epochs.size());
  for (std::size_t i = 0; i < standing.epochs.size(); ++i) {
    const EpochReport& epoch = standing.epochs[i];
    const auto key = [&](const char* what) { return fmt::format("epoch {} {}", i, what); };
    state.texts[key("stage")] = epoch.stage;
    visit_epoch(epoch, [&](const char* what, auto number) { state.numbers[key(what)] = static_cast<double>(number); });
    state.arrays[key("bits")].assign(epoch.bits.begin(), epoch.bits.end());
  }
}

// A list cannot be longer than the state that names each of its entries.
std::size_t count_of(const State& state, const char* list) {
  const std::int64_t count = state.whole(list);
  if (count < 0 || static_cast<std::uint64_t>(count) > state.texts.size()) fail("the state's '{}' is {}", list, count);
  return static_cast<std::size_t>(count);
}

Standing load_standing(const State& state, std::size_t stages) {
  Standing standing;
  const std::int64_t stage = state.whole("stage");
  if (stage < 0 || static_cast<std::size_t>(stage) >= stages) fail("the state stands at stage {} of {}", stage, stages);
  standing.stage = static_cast<std::size_t>(stage);
  for (std::size_t i = 0, n = count_of(state, "found"); i < n; ++i) {
    LayerBits layer;
    layer.node = state.text(fmt::format("found {} node", i));
    visit_layer(layer, [&](const char* what, auto& into) { read(state, fmt::format("found {} {}", i, what), into); });
    if (layer.bits < 0 || layer.bits > 8) fail("the state has {} bits for layer '{}'", layer.bits, layer.node);
    standing.found.push_back(layer);
  }
  for (std::size_t i = 0, n = count_of(state, "epochs"); i < n; ++i) {
    const auto key = [&](const char* what) { return fmt::format("epoch {} {}", i, what); };
    EpochReport epoch;
    epoch.stage = state.text(key("stage"));
    epoch.epoch = static_cast<int>(i) + 1;
    visit_epoch(epoch, [&](const char* what, auto& into) { read(state, key(what), into); });
    for (const float bits : state.array(key("bits"))) epoch.bits.push_back(static_cast<int>(bits));
    standing.epochs.push_back(epoch);
  }
  for (std::size_t i = 0, n = count_of(state, "notes"); i < n; ++i)
    standing.notes.push_back(state.text(fmt::format("note {}", i)));
  for (const auto& [name, value] : state.numbers) {
    if (name.starts_with(chosen_prefix)) standing.chosen[name.substr(chosen_prefix.size())] = value;
  }
  return standing;
}

// What the float network gives on training images as they are, neither moved nor mirrored.
Calibration look_at(const Graph& graph, const BatchStream& batches, std::int64_t images, int threads) {
  return calibrate(float_model(graph), std::min(images, batches.images()), threads,
                   [&](std::int64_t i, std::span<float> out) { batches.plain(i, out); });
}

std::vector<bool> named_like(const Graph& graph, const std::string& pattern) {
  require_pattern(pattern);
  const std::regex expression(pattern);
  std::vector<bool> result;
  for (const Node& node : graph.nodes) result.push_back(std::regex_search(node.name, expression));
  return result;
}

void require_labels(const Dataset& data, std::int64_t classes) {
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const int label = data.label(i);
    if (label < 0 || label >= classes)
      fail("{}: image {} has label {}; the network has {} classes, 0 to {}", data.description(), i, label, classes,
           classes - 1);
  }
}

// Each process of a machine takes a device of its own, as far as there are some.
torch::Device device_of(const TrainOptions& options) {
  if (options.device != "cuda") return {options.device};
  // Sums of whole single precision, as integers have to be the sums of what was trained; and the same ones each time.
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
  at::globalContext().setDeterministicCuDNN(true);
  return {torch::kCUDA, static_cast<torch::DeviceIndex>(options.part.local_rank % torch::cuda::device_count())};
}

class Run {
 public:
  Run(const Graph& graph, const Dataset& data, const Preprocessing& preprocessing, const TrainOptions& options,
      const TrainWatch& watch)
      : graph_(graph),
        options_(options),
        watch_(watch),
        stages_(require_training_method(options.method).stages(options)),
        batches_(data, preprocessing, graph.shape(graph.input), of_part(options)),
        group_(options.part, options.timeout),
        device_(device_of(options)) {
    for (Stage& stage : stages_) {
      stage.trainer.first_epoch = epochs_;
      epochs_ += stage.trainer.epochs;
    }
    group_.require_agreement(options.agreed);
    if (!options.keep_float.empty()) keep_float_ = named_like(graph, options.keep_float);
    require_scheme();
    require_labels(data, element_count(graph.shape(graph.output)));
  }

  TrainResult run(const State* given) {
    // Rank 0's, wherever the others' files may be.
    std::optional<State> shared;
    const State* from = given;
    if (options_.part.size > 1) {
      const auto bytes = group_.of_first(given ? std::optional(to_bytes(*given)) : std::nullopt);
      if (bytes) shared = parse_state(*bytes, "the state of rank 0");
      from = shared ? &*shared : nullptr;
    }
    if (from != nullptr) {
      standing_ = load_standing(*from, stages_.size());
      for (const EpochReport& epoch : standing_.epochs) {
        if (watch_.report) watch_.report(epoch);
      }
    }
    Graph now = graph_;
    std::optional<Activations> activations;
    std::unique_ptr<GraphModule> before;
    for (; standing_.stage < stages_.size(); ++standing_.stage) {
      const Stage& stage = stages_[standing_.stage];
      if (stage.restart) {
        now = graph_;
        before.reset();
      }
      if (!options_.activations.code.empty()) {
        // Of another graph than the first time where it goes on in a later stage: load() puts the ranges right.
        activations.emplace(now, look_at(now, batches_, options_.activations.images, options_.threads),
                            options_.activations);
      }
      // Of the first graph, whichever stage it is, so that resuming finds the same variables.
      auto next = std::make_unique<GraphModule>(graph_);
      GraphModule& module = *next;
      if (before) module.take(*before);
      module.keep_float = keep_float_;
      module.group = &group_;
      module.to(device_);
      if (activations) activations->attach(module);
      const std::unique_ptr<Method> method = stage.make({now, standing_.found, batches_.batches()});
      std::optional<GraphModule> teacher;
      if (stage.trainer.distill > 0) {
        teacher.emplace(graph_);
        teacher->eval();
        teacher->to(device_);
      }
      Trainer trainer(module, *method, batches_, stage.trainer, teacher ? &*teacher : nullptr, &group_);
      if (from != nullptr) {
        trainer.load(*from);
        if (activations) activations->load(*from);
      }
      from = nullptr;
      if (!train(trainer, stage, activations ? &*activations : nullptr)) {
        TrainResult stopped;
        stopped.complete = false;
        return stopped;
      }
      keep_found(method->layer_bits());
      standing_.chosen.merge(method->chosen());
      now = module.graph();
      before = std::move(next);
      before->hooks = {};
      if (watch_.stage_done && standing_.stage + 1 < stages_.size())
        standing_.notes.push_back(watch_.stage_done(stage.name, result_of(now, activations)));
    }
    return result_of(now, activations);
  }

 private:
  void require_scheme() const {
    for (std::size_t i = 0; i < graph_.nodes.size() && !options_.scheme.empty(); ++i) {
      const bool kept = i < keep_float_.size() && keep_float_[i];
      if (has_weights(graph_.nodes[i]) && !kept && options_.scheme.count(graph_.nodes[i].name) == 0)
        fail("the scheme says no bits for layer '{}', and it is not one of those that stay float",
             graph_.nodes[i].name);
    }
  }

  TrainResult result_of(const Graph& now, const std::optional<Activations>& activations) const {
    TrainResult result;
    result.graph = now;
    result.layers = standing_.found;
    result.epochs = standing_.epochs;
    result.chosen = standing_.chosen;
    result.notes = standing_.notes;
    result.recipe = recipe_of(result);
    if (activations) {
      result.ranges = activations->ranges();
      result.graph = with_whole_biases(now, quantize(now, *result.ranges, result.recipe, options_.threads).model);
    }
    return result;
  }

  bool train(Trainer& trainer, const Stage& stage, const Activations* activations) {
    Trainer::Watch watch;
    watch.stop = watch_.stop;
    const std::size_t before = standing_.epochs.size();
    double seconds = 0;
    watch.report = [&](EpochReport done) {
      done.stage = stage.name;
      done.epoch = static_cast<int>(standing_.epochs.size()) + 1;
      done.epochs = epochs_;
      seconds += done.seconds;
      done.left = seconds / static_cast<double>(standing_.epochs.size() + 1 - before) * (epochs_ - done.epoch);
      standing_.epochs.push_back(done);
      if (watch_.report) watch_.report(done);
    };
    watch.checkpoint = [&] {
      if (!watch_.checkpoint) return;
      State state;
      save(standing_, state);
      trainer.save(state);
      if (activations) activations->save(state);
      watch_.checkpoint(state);
    };
    const auto start = Clock::now();
    std::int64_t steps = 0;
    watch.progress = [&](int, std::int64_t batch) {
      if (!watch_.progress) return;
      const std::int64_t done = static_cast<std::int64_t>(standing_.epochs.size()) * batches_.batches() + batch,
                         of = epochs_ * batches_.batches();
      const double pace = std::chrono::duration<double>(Clock::now() - start).count() / static_cast<double>(++steps);
      watch_.progress(done, of, pace * static_cast<double>(of - done));
    };
    return trainer.run(watch);
  }

  // Strips and growth are counted over all stages.
  void keep_found(std::vector<LayerBits> found) {
    if (found.empty()) return;
    for (LayerBits& layer : found) {
      for (const LayerBits& before : standing_.found) {
        if (before.node != layer.node) continue;
        layer.from_top += before.from_top;
        layer.from_bottom += before.from_bottom;
        layer.grown += before.grown;
        layer.halved += before.halved;
      }
    }
    standing_.found = std::move(found);
  }

  // Of float activations the codes of weights alone are known: int8 stands for the others.
  Recipe recipe_of(const TrainResult& result) const {
    ActivationOptions activations = options_.activations;
    if (activations.code.empty()) activations.code = "int8";
    Recipe recipe = activation_recipe(graph_, activations);
    if (const auto code = require_training_method(options_.method).code) {
      for (LayerRule& rule : recipe.rules) rule.weight_code = code(options_);
    }
    recipe.name = options_.method;
    recipe.range = RangeRule::minmax;
    for (std::size_t i = 0, rule = 0; i < graph_.nodes.size(); ++i) {
      if (!has_weights(graph_.nodes[i])) continue;
      for (const LayerBits& layer : result.layers) {
        if (layer.node == graph_.nodes[i].name) recipe.rules.at(rule).weight_code = weight_code_of(layer);
      }
      ++rule;
    }
    return recipe;
  }

  static BatchOptions of_part(const TrainOptions& options) {
    if (options.part.size > 1 && options.activations.dynamic)
      fail("ranges of single batches are not known to {} processes: choose other ranges", options.part.size);
    BatchOptions batches = options.batches;
    batches.part = options.part.rank;
    batches.parts = options.part.size;
    return batches;
  }

  const Graph& graph_;
  const TrainOptions& options_;
  const TrainWatch& watch_;
  std::vector<Stage> stages_;
  BatchStream batches_;
  const Group group_;
  const torch::Device device_;
  int epochs_ = 0;                // of all stages
  std::vector<bool> keep_float_;  // by node; empty: none
  Standing standing_;
};

}  // namespace

TrainResult train_network(const Graph& graph, const Dataset& data, const Preprocessing& preprocessing,
                          const TrainOptions& options, const TrainWatch& watch, const State* from) {
  if (options.device == "cuda" && !torch::cuda::is_available())
    fail("--device cuda: this libtorch has no CUDA, or there is no such device");
  torch::set_num_threads(options.threads > 0 ? options.threads : available_threads());
  const TrainOptions whole = settled(options);
  const Graph start = options.scratch ? with_random_weights(graph, options.batches.seed) : graph;
  return Run(start, data, preprocessing, whole, watch).run(from);
}

}  // namespace bitsieve::train
