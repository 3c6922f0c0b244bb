// bitsieve auto: the whole way over many recipes, one table.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "cli/auto_recipes.h"
#include "cli/auto_report.h"
#include "cli/calibration_source.h"
#include "cli/machine_options.h"
#include "cli/packing.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "eval/prefix_cache.h"
#include "runtime/executor.h"
#include "search/frontier.h"
#include "search/mixed.h"

namespace bitsieve::cli {
namespace {

constexpr std::int64_t default_images = 500;     // a seeded part of the test images; --full takes all
constexpr std::int64_t sensitivity_images = 64;  // of the calibration images
constexpr std::int64_t analysis_images = 32;
constexpr std::int64_t most_timed_images = 128;
constexpr double tolerable_drop = 1;  // points, for the recommendation where --max-drop is not given

struct AutoOptions : Options {
  bool full = false, limited = false;  // limited: --limit was given
  double max_drop = -1;                // negative: no mixed recipe
  std::vector<std::string> configs;    // recipe files instead of the built-in recipes
  std::string machine, energy_table, frontier = axis_names[0];
  std::int64_t prefix_cache = PrefixCacheOptions::default_budget() >> 20;  // MiB
};

class Auto {
 public:
  explicit Auto(const AutoOptions& options)
      : options_(options),
        file_(load_float_model(options.model, options, "auto")),
        network_(float_model(file_.graph)),
        folder_(options.output.empty() ? std::filesystem::path(options.model).stem().string() + "-auto"
                                       : options.output),
        images_(options.data, true, file_.preprocessing, file_.input(),
                options.full || options.limited ? options.limit : default_images, options.seed) {
    const auto axis = std::find(axis_names.begin(), axis_names.end(), options.frontier);
    axis_ = static_cast<FrontierAxis>(axis - axis_names.begin());
  }

  void run() {
    const Recipe recipe = base();  // a mistake on the command line shows before anything is done
    if (names_calibration(options_) && needs_images(recipe)) {
      throw Error("--repair, --rounding and --equalize need images; --calib names a calibration file: name images",
                  ErrorKind::usage);
    }
    const std::vector<Recipe> recipes =
        options_.configs.empty() ? auto_recipes(recipe, !names_calibration(options_)) : own_recipes();
    if (options_.max_drop >= 0 && names_calibration(options_)) {
      throw Error("--max-drop orders the layers on calibration images; --calib names a calibration file: name images",
                  ErrorKind::usage);
    }
    choose_machine();
    std::error_code error;
    std::filesystem::create_directories(folder_ + "/recipes", error);
    if (error) fail("cannot make the folder '{}': {}", folder_, error.message());
    warn_of_default_preprocessing(options_, file_, images_);
    images_.keep(options_.threads);
    cache_.emplace(images_.set(), PrefixCacheOptions{options_.prefix_cache << 20, !images_.kept()});
    if (!options_.json()) print_auto_header(options_, images_, machine_.has_value());
    reference_.recipe.name = "float";
    reference_.result = evaluate_model(network_, "float", timed_images());
    reference_.bytes = file_.bytes;
    reference_.cost = cost_of(network_);
    print_row(reference_);
    source_ = obtain_calibration(file_, options_, folder_ + "/calibration.json", CacheFile::own);
    if (source_.images) source_.images->keep(options_.threads);
    for (const Recipe& each : recipes) measure(each);
    if (options_.max_drop >= 0) search();
    mark_frontier();
    const AutoPoint& best = recommended();
    const ModelAnalysis analysis = analyze_point(best);
    write_files();
    const AutoReport report{options_,
                            file_,
                            images_,
                            folder_,
                            source_.reused,
                            reference_,
                            points_,
                            best,
                            eligible(best),
                            tolerated(),
                            analysis,
                            mixed_,
                            source_.images ? std::min(source_.images->size(), sensitivity_images) : 0,
                            files_,
                            options_.configs,
                            machine_,
                            axis_,
                            cache_->work()};
    if (options_.json()) {
      print_json(auto_json(report, clock_));
    } else {
      print_auto_summary(report, clock_);
    }
    const auto fits = [&](const AutoPoint& p) { return p.drop.drop <= options_.max_drop; };
    if (options_.max_drop >= 0 && std::none_of(points_.begin(), points_.end(), fits)) {
      fail("--max-drop {}: no recipe reached it, not even 8 bits in every layer; another --calib-method may help",
           options_.max_drop);
    }
    const auto runs = [&](const AutoPoint& p) { return std::isfinite(cost(p)); };
    if (std::none_of(points_.begin(), points_.end(), runs)) {
      fail("--frontier {}: machine '{}' runs none of the recipes: {}", options_.frontier, machine_->parameters.name,
           points_.front().cost->reason);
    }
  }

 private:
  // Mistakes in the files show before the long work, and so does a table that does not fit the machine.
  void choose_machine() {
    if (options_.machine.empty()) return;
    machine_ = AutoMachine{options_.machine, options_.energy_table, machine_from(options_.machine),
                           energy_table_from(options_.energy_table).table};
    require_entries(machine_->parameters, machine_->table);
    warn_of_uncounted(options_, file_.graph);
    if (!reads_values(machine_->parameters)) return;
    // The ones that `simulate` would take.
    values_.emplace(options_.data, false, file_.preprocessing, file_.input(), simulated_images, options_.seed);
    values_->keep(options_.threads);
    machine_->images = values_->size();
  }

  std::optional<MachineCost> cost_of(const QuantizedModel& model) const {
    if (!machine_) return {};
    return machine_costs(model, {&machine_->parameters, 1}, machine_->table, values_ ? values_->set() : ImageSet{})
        .front();
  }

  Recipe base() const {
    Recipe recipe = recipe_from(options_);
    recipe.rules.clear();
    return recipe;
  }

  // Those of --config, in the order given.
  std::vector<Recipe> own_recipes() const {
    std::vector<Recipe> recipes;
    for (const std::string& file : options_.configs) {
      Options one = options_;
      one.config = file;
      Recipe recipe = recipe_from(one);
      if (recipe.name.find('/') != std::string::npos || recipe.name == "." || recipe.name == ".." ||
          recipe.name == "float") {
        throw Error(
            fmt::format("'{}': its recipe's name '{}' is to be a file's name, and not float", file, recipe.name),
            ErrorKind::usage);
      }
      const auto same = [&](const Recipe& other) { return other.name == recipe.name; };
      if (std::any_of(recipes.begin(), recipes.end(), same)) {
        throw Error(fmt::format("'{}': there is a recipe of the name '{}' already; give it another", file, recipe.name),
                    ErrorKind::usage);
      }
      if (names_calibration(options_) && needs_images(recipe)) {
        throw Error(fmt::format("'{}': recipe '{}' needs images; --calib names a calibration file: name images", file,
                                recipe.name),
                    ErrorKind::usage);
      }
      resolve(file_.graph, recipe, nullptr);
      recipes.push_back(std::move(recipe));
    }
    return recipes;
  }

  void print_row(const AutoPoint& p) const {
    if (!options_.json()) print_auto_row(p);
  }

  // Images of each recipe that are run as a whole for img/s, whatever other recipes computed before.
  std::int64_t timed_images() const { return std::min((images_.size() + 7) / 8, most_timed_images); }

  Evaluation evaluate_model(const QuantizedModel& model, const std::string& label, std::int64_t timed) {
    Progress progress(label, images_.size());
    EvaluateOptions how;
    how.threads = options_.threads;
    how.progress = [&](std::int64_t done) { progress.set(done); };
    return cache_->evaluate(model, how, timed);
  }

  QuantizedModel make(const Recipe& recipe, bool warn_user) {
    CompressInput input = source_.input(file_.graph, options_);
    Progress progress(recipe.name, 0);
    input.progress = [&](std::string_view step, std::int64_t done, std::int64_t of) {
      progress.set(fmt::format("{}: {}", recipe.name, step), done, of);
    };
    CompressResult result = compress(input, recipe);
    for (const std::string& line : result.warnings) {
      if (warn_user && std::find(warned_.begin(), warned_.end(), line) == warned_.end()) {
        warned_.push_back(line);
        warn(options_, line);
      }
    }
    return std::move(result.model);
  }

  void measure(const Recipe& recipe) {
    const QuantizedModel model = make(recipe, true);
    AutoPoint p;
    p.recipe = recipe;
    p.result = evaluate_model(model, recipe.name, timed_images());
    p.drop = paired_drop(reference_.result, p.result);
    p.agreement = agreement(reference_.result, p.result);
    p.sqnr = logit_sqnr_db(reference_.result.scores, p.result.scores);
    p.weight_bits = avg_bits_per_weight(model);
    p.act_bits = avg_act_bits(model);
    p.shifts = avg_shifts(model);
    if (recipe.repair != Repair::gain) p.weight_sqnr = weight_sqnr_db(model);  // gains change the scales
    p.bytes = static_cast<std::int64_t>(pack(file_, model, recipe, source_.calibration).size());
    p.cost = cost_of(model);
    if (p.cost && p.cost->report && !mixed_processes_)
      mixed_processes_ = warn_of_processes(options_, machine_->table, *p.cost->report);
    p.recipe_file = folder_ + "/recipes/" + recipe.name + ".toml";
    p.result.scores.clear();
    write_file_atomically(p.recipe_file, to_toml(resolved(file_.graph, recipe)));
    print_row(p);
    points_.push_back(std::move(p));
  }

  // The first of ever narrower recipes that loses more than --max-drop, mixed with 8-bit layers until it does not.
  void search() {
    std::vector<std::string> ever_narrower{"sparq-5opt-round", "sparq-2opt-round", "sparq-6opt-round",
                                           "sparq-7opt-round"};
    if (!options_.configs.empty()) {
      ever_narrower.clear();
      for (const AutoPoint& p : points_) ever_narrower.push_back(p.recipe.name);
    }
    const AutoPoint* narrow = nullptr;
    for (const std::string& name : ever_narrower) {
      const auto found =
          std::find_if(points_.begin(), points_.end(), [&](const AutoPoint& p) { return p.recipe.name == name; });
      narrow = &*found;
      if (narrow->drop.drop > options_.max_drop) break;
    }
    if (narrow->drop.drop <= options_.max_drop) return;  // every narrow recipe keeps the accuracy as it is
    Recipe recipe = narrow->recipe;
    if (recipe.repair == Repair::none) recipe.name += "-gain";
    recipe.repair = Repair::gain;
    ImageSet some = source_.images->set();
    some.size = std::min(some.size, sensitivity_images);
    std::vector<LayerSensitivity> sensitivity;
    {
      Progress progress("sensitivity", some.size);
      sensitivity = measure_sensitivity(
          narrow->recipe, [&](const Recipe& r) { return make(r, false); }, some, options_.threads,
          [&](std::int64_t done) { progress.set(done); });
    }
    MixedOptions how;
    how.max_drop = options_.max_drop;
    how.max_evaluations = 24;
    mixed_ = search_mixed(
        recipe, sensitivity,
        [&](const Recipe& r) {
          return paired_drop(reference_.result, evaluate_model(make(r, false), "mixed", 0)).drop;
        },
        how);
    const std::string& name =
        mixed_->recipe.name;  // without a rule for any layer it is one of the recipes above, repaired
    if (std::none_of(points_.begin(), points_.end(), [&](const AutoPoint& p) { return p.recipe.name == name; }))
      measure(mixed_->recipe);
    if (!mixed_->reached) {
      warn(
          options_,
          fmt::format("--max-drop {}: the mixed recipe does not reach it even with every layer at 8 bits (drop {:.2f})",
                      options_.max_drop, mixed_->drop));
    }
  }

  void mark_frontier() {
    std::vector<FrontierPoint> all;
    for (const AutoPoint& p : points_) {
      // A network that lost most of what it could is not worth having, however few bits it takes.
      const bool useful = 2 * p.result.correct >= reference_.result.correct;
      all.push_back(
          {useful && std::isfinite(cost(p)) ? p.result.top1() : NAN,
           axis_ == FrontierAxis::bits ? std::vector{p.weight_bits, p.shifts, p.act_bits} : std::vector{cost(p)}});
    }
    const std::vector<bool> marks = on_frontier(all);
    for (std::size_t i = 0; i < points_.size(); ++i) points_[i].on_frontier = marks[i];
  }

  double tolerated() const { return options_.max_drop >= 0 ? options_.max_drop : tolerable_drop; }

  // As one number: bits of weights times bits of activations, cycles or pJ; infinite where the machine cannot run it.
  double cost(const AutoPoint& p) const {
    if (axis_ == FrontierAxis::bits) return p.weight_bits * p.act_bits;
    if (!p.cost->report) return INFINITY;
    const accel::LayerReport& total = p.cost->report->total;
    return axis_ == FrontierAxis::cycles ? total.cycles() : accel::total(total.energy);
  }

  bool eligible(const AutoPoint& p) const { return p.drop.drop <= tolerated() && std::isfinite(cost(p)); }

  // The cheapest point within the drop asked for; where there is none, the one that loses least.
  const AutoPoint& recommended() const {
    const auto better = [&](const AutoPoint& a, const AutoPoint& b) {
      const bool within = eligible(a), runs = std::isfinite(cost(a));
      if (within != eligible(b)) return within;
      if (runs != std::isfinite(cost(b))) return runs;
      if (!within && a.drop.drop != b.drop.drop) return a.drop.drop < b.drop.drop;
      return cost(a) != cost(b) ? cost(a) < cost(b) : a.sqnr > b.sqnr;
    };
    return *std::min_element(points_.begin(), points_.end(), better);
  }

  ModelAnalysis analyze_point(const AutoPoint& p) {
    ImageSet some = source_.images ? source_.images->set() : images_.set();
    some.size = std::min(some.size, analysis_images);
    Graph target = file_.graph;
    if (p.recipe.equalize) equalize(target);
    AnalyzeOptions how;
    how.threads = options_.threads;
    Recipe recipe = p.recipe;
    recipe.repair = Repair::none;  // a repaired layer makes up for what it inherits, which would count against it
    return analyze(make(recipe, false), float_model(target), some, how);
  }

  void write_files() {
    for (const AutoPoint& p : points_) {
      files_.push_back(p.recipe_file);
      if (!p.on_frontier) continue;
      files_.push_back(folder_ + "/" + p.recipe.name + ".bsv");
      write_file_atomically(files_.back(), pack(file_, make(p.recipe, false), p.recipe, source_.calibration));
    }
    if (source_.images) files_.push_back(folder_ + "/calibration.json");
    warn_of_older_files();
  }

  // Models and recipes of an earlier run with other options would pass for results of this one.
  void warn_of_older_files() const {
    std::string names;
    std::size_t count = 0;
    std::error_code error;
    for (const std::string& part : {folder_, folder_ + "/recipes"}) {
      for (std::filesystem::directory_iterator entry(part, error), end; !error && entry != end;
           entry.increment(error)) {
        const std::string extension = entry->path().extension().string();
        if (extension != ".bsv" && (extension != ".toml" || part == folder_)) continue;
        const auto same = [&](const std::string& file) {
          return std::filesystem::equivalent(file, entry->path(), error);
        };
        if (std::any_of(files_.begin(), files_.end(), same)) continue;
        if (++count <= 3) names += (names.empty() ? "" : ", ") + entry->path().filename().string();
      }
    }
    if (count == 0) return;
    warn(options_, fmt::format("'{}' still holds {} file{} that this run did not write: {}{}", folder_, count,
                               count == 1 ? "" : "s", names, count > 3 ? ", ..." : ""));
  }

  const AutoOptions& options_;
  Stopwatch clock_;
  ModelFile file_;
  QuantizedModel network_;
  std::string folder_;
  Images images_;
  CalibrationSource source_;
  FrontierAxis axis_ = FrontierAxis::bits;
  std::optional<AutoMachine> machine_;
  std::optional<PrefixCache> cache_;  // of evaluations on images_
  std::optional<Images> values_;      // where the machine reads values
  bool mixed_processes_ = false;      // said once
  AutoPoint reference_;
  std::vector<AutoPoint> points_;
  std::optional<MixedResult> mixed_;
  std::vector<std::string> warned_, files_;
};

}  // namespace

void add_auto(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<AutoOptions>();
  options->command = command;
  add_model(app, *options, "ONNX file");
  add_data(app, *options);
  add_calibration(app, *options);
  add_threads(app, *options);
  add_output(app, *options, "folder to write (default: MODEL-auto here)");
  app.add_flag("--full", options->full, "evaluate on every image");
  app.add_option("--max-drop", options->max_drop, "search a mixed recipe that loses at most so many points")
      ->check(points());
  app.add_option("--config", options->configs, "recipe file instead of the built-in recipes; repeatable")
      ->allow_extra_args(false);
  app.add_option("--calib-method", options->range, "minmax, mean-max, percentile, mse or kl");
  app.add_option("--percentile", options->percentile, "for --calib-method percentile, in percent")
      ->check(within(1e-9, 100.0));
  app.add_option("--act-top", options->act_top, "code that the end of a range gets, 1 to 255")->check(at_least(1, 255));
  app.add_option("--first-last", options->first_last, "first convolution and classifier: int8, float or same");
  app.add_option("--repair", options->repair, "repair every recipe: none, mean or gain");
  app.add_option("--rounding", options->rounding, "round the weights of every recipe: nearest or learned");
  app.add_flag("--equalize", options->equalize, "cross-layer equalization first");
  auto* machine = app.add_option("--machine", options->machine,
                                 "columns of cycles and energy on this machine: one of bitsieve list, or a file like "
                                 "those of simulate --tables")
                      ->check(not_empty());
  app.add_option("--energy-table", options->energy_table,
                 "energy table of bitsieve list, or a file like energy.toml of simulate --tables")
      ->check(not_empty())
      ->needs(machine);
  app.add_option("--prefix-cache", options->prefix_cache,
                 "MiB of memory for what layers shared by several recipes compute, at most; 0: none (default: a "
                 "quarter of the memory it may use, 2048 at most)")
      ->check(at_least(0, std::uint64_t{1} << 30));
  app.add_option("--frontier", options->frontier, "what the frontier of top-1 is against: bits, cycles or energy")
      ->check(CLI::IsMember(std::vector<std::string>(axis_names.begin(), axis_names.end())));
  app.callback([options, &app] {
    options->limited = app.count("--limit") > 0;
    if (options->full && options->limited)
      throw Error("--full takes every image, --limit a part: give one of the two", ErrorKind::usage);
    if (options->frontier != axis_names[0] && options->machine.empty()) {
      throw Error(fmt::format("--frontier {} needs --machine: one of bitsieve list, or a file like those of simulate "
                              "--tables",
                              options->frontier),
                  ErrorKind::usage);
    }
    Auto(*options).run();
  });
}

}  // namespace bitsieve::cli
