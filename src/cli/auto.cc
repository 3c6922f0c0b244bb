// bitsieve auto: the whole way over many recipes, one table.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "cli/auto_recipes.h"
#include "cli/calibration_source.h"
#include "cli/packing.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "eval/analysis.h"
#include "eval/causes.h"
#include "runtime/executor.h"
#include "search/frontier.h"
#include "search/mixed.h"

namespace bitsieve::cli {
namespace {

constexpr std::int64_t default_images = 500;      // a seeded part of the test images; --full takes all
constexpr std::int64_t sensitivity_images = 64;   // of the calibration images
constexpr std::int64_t analysis_images = 32;
constexpr double tolerable_drop = 1;              // points, for the recommendation where --max-drop is not given

struct Point {
  Recipe recipe;
  Evaluation result;
  PairedDrop drop;
  double agreement = 100, sqnr = INFINITY, weight_bits = 32, act_bits = 32;
  std::int64_t bytes = 0;
  bool on_frontier = false;
  std::string recipe_file;
};

struct AutoOptions : Options {
  bool full = false;
  double max_drop = -1;  // negative: no mixed recipe
};

class Auto {
 public:
  explicit Auto(const AutoOptions& options)
      : options_(options), file_(load_float_model(options.model, options, "auto")), network_(float_model(file_.graph)),
        folder_(options.output.empty() ? std::filesystem::path(options.model).stem().string() + "-auto" : options.output),
        images_(options.data, true, file_.preprocessing, file_.input(),
                options.full ? 0 : options.limit ? options.limit : default_images, options.seed) {}

  void run() {
    std::error_code error;
    std::filesystem::create_directories(folder_ + "/recipes", error);
    if (error) fail("cannot make the folder '{}': {}", folder_, error.message());
    images_.keep(options_.threads);
    print_header();
    reference_.recipe.name = "float";
    reference_.result = evaluate_model(network_, "float");
    reference_.bytes = file_.bytes;
    print_row(reference_);
    if (options_.max_drop >= 0 && options_.calib.ends_with(".json")) {
      throw Error("--max-drop orders the layers on calibration images; --calib names a calibration file: name images", ErrorKind::usage);
    }
    source_ = obtain_calibration(file_, options_, folder_ + "/calibration.json");
    if (source_.images) source_.images->keep(options_.threads);
    for (const Recipe& recipe : auto_recipes(base(), source_.images != nullptr)) measure(recipe);
    if (options_.max_drop >= 0) search();
    mark_frontier();
    const Point& best = recommended();
    const ModelAnalysis analysis = analyze_point(best);
    write_files();
    if (options_.json()) {
      print_json(document(best, analysis));
    } else {
      print_summary(best, analysis);
    }
    if (options_.max_drop >= 0 && std::none_of(points_.begin(), points_.end(), [&](const Point& p) { return p.drop.drop <= options_.max_drop; })) {
      fail("--max-drop {}: no recipe reached it, not even 8 bits in every layer; another --calib-method may help", options_.max_drop);
    }
  }

 private:
  Recipe base() const {
    Recipe recipe = recipe_from(options_);
    recipe.rules.clear();
    return recipe;
  }

  Evaluation evaluate_model(const QuantizedModel& model, const std::string& label) {
    Progress progress(label, images_.size());
    EvaluateOptions how;
    how.threads = options_.threads;
    how.progress = [&](std::int64_t done) { progress.set(done); };
    return evaluate(model, images_.set(), how);
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
    Point p;
    p.recipe = recipe;
    p.result = evaluate_model(model, recipe.name);
    p.drop = paired_drop(reference_.result, p.result);
    p.agreement = agreement(reference_.result, p.result);
    p.sqnr = logit_sqnr_db(reference_.result.scores, p.result.scores);
    p.weight_bits = avg_bits_per_weight(model);
    p.act_bits = avg_act_bits(model);
    p.bytes = static_cast<std::int64_t>(pack(file_, model, recipe, source_.calibration).size());
    p.recipe_file = folder_ + "/recipes/" + recipe.name + ".toml";
    p.result.scores.clear();
    write_file_atomically(p.recipe_file, to_toml(resolved(file_.graph, recipe)));
    print_row(p);
    points_.push_back(std::move(p));
  }

  // The first of ever narrower recipes that loses more than --max-drop, mixed with 8-bit layers until it does not.
  void search() {
    const Point* narrow = nullptr;
    for (const char* name : {"sparq-5opt-round", "sparq-2opt-round", "sparq-6opt-round", "sparq-7opt-round"}) {
      const auto found = std::find_if(points_.begin(), points_.end(), [&](const Point& p) { return p.recipe.name == name; });
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
      sensitivity = measure_sensitivity(narrow->recipe, [&](const Recipe& r) { return make(r, false); }, some, options_.threads,
                                        [&](std::int64_t done) { progress.set(done); });
    }
    MixedOptions how;
    how.max_drop = options_.max_drop;
    how.max_evaluations = 24;
    mixed_ = search_mixed(recipe, sensitivity, [&](const Recipe& r) {
      return paired_drop(reference_.result, evaluate_model(make(r, false), "mixed")).drop;
    }, how);
    const std::string& name = mixed_->recipe.name;  // without a rule for any layer it is one of the recipes above, repaired
    if (std::none_of(points_.begin(), points_.end(), [&](const Point& p) { return p.recipe.name == name; })) measure(mixed_->recipe);
    if (!mixed_->reached) {
      warn(options_, fmt::format("--max-drop {}: the mixed recipe does not reach it even with every layer at 8 bits (drop {:.2f})",
                                 options_.max_drop, mixed_->drop));
    }
  }

  void mark_frontier() {
    std::vector<FrontierPoint> all;
    for (const Point& p : points_) {
      // A network that lost most of what it could is not worth having, however few bits it takes.
      const bool useful = 2 * p.result.correct >= reference_.result.correct;
      all.push_back({useful ? p.result.top1() : NAN, {p.weight_bits, p.act_bits}});
    }
    const std::vector<bool> marks = on_frontier(all);
    for (std::size_t i = 0; i < points_.size(); ++i) points_[i].on_frontier = marks[i];
  }

  // The cheapest point (bits of weights times bits of activations) within the drop asked for; INT8 where there is none.
  const Point& recommended() const {
    const double limit = options_.max_drop >= 0 ? options_.max_drop : tolerable_drop;
    const Point* best = &points_.front();
    for (const Point& p : points_) {
      if (p.drop.drop > limit) continue;
      const double cost = p.weight_bits * p.act_bits, least = best->weight_bits * best->act_bits;
      if (best->drop.drop > limit || cost < least || (cost == least && p.sqnr > best->sqnr)) best = &p;
    }
    return *best;
  }

  ModelAnalysis analyze_point(const Point& p) {
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
    for (const Point& p : points_) {
      files_.push_back(p.recipe_file);
      if (!p.on_frontier) continue;
      files_.push_back(folder_ + "/" + p.recipe.name + ".bsv");
      write_file_atomically(files_.back(), pack(file_, make(p.recipe, false), p.recipe, source_.calibration));
    }
    if (source_.images) files_.push_back(folder_ + "/calibration.json");
  }

  std::string next_command(const Point& best) const {
    if (options_.max_drop < 0 && best.recipe.name.starts_with("int8")) {
      return fmt::format("bitsieve auto {} --data {} --calib {} --max-drop 1   (mixes 8-bit layers into a narrow recipe)", options_.model,
                         options_.data, options_.calib);
    }
    if (best.on_frontier) return fmt::format("bitsieve eval {}/{}.bsv --data {}", folder_, best.recipe.name, options_.data);
    return fmt::format("bitsieve quantize {} --calib {} --config {}", options_.model, options_.calib, best.recipe_file);
  }

  Json point_json(const Point& p) const {
    Json json{{"recipe", p.recipe.name}, {"recipe_file", p.recipe_file}};
    json.update(accuracy_json(p.result));
    json["drop"] = p.drop.drop;
    json["drop_ci95"] = p.drop.ci95;
    json["agreement"] = p.agreement;
    json["logit_sqnr_db"] = number(p.sqnr);
    json["avg_bits_per_weight"] = p.weight_bits;
    json["avg_act_bits"] = p.act_bits;
    json["model_bytes"] = p.bytes;
    json["machines"] = Json::object();  // cycles and energy: none is built in yet
    json["on_frontier"] = p.on_frontier;
    return json;
  }

  Json document(const Point& best, const ModelAnalysis& analysis) const {
    Json json = run_facts(options_, clock_);
    json["model"] = options_.model;
    json["model_hash"] = file_.hash;
    json["data"] = options_.data;
    json["data_hash"] = images_.hash();
    json["calibration_reused"] = source_.reused;
    json["reference"] = point_json(reference_);
    for (const Point& p : points_) json["points"].push_back(point_json(p));
    json["recommended"] = best.recipe.name;
    for (const int i : worst(analysis)) {
      const LayerAnalysis& layer = analysis.nodes[static_cast<std::size_t>(i)];
      json["worst_layers"].push_back({{"name", layer.name}, {"alone_db", number(layer.alone_db)}, {"accumulated_db", number(layer.accumulated_db)}, {"scores_db", number(layer.scores_db)},
                                      {"cause", find_cause(layer).cause}, {"advice", likely_cause(layer)}});
    }
    if (mixed_) {
      json["mixed"] = {{"reached", mixed_->reached}, {"evaluations", mixed_->evaluations}, {"narrow_drop", mixed_->narrow_drop}};
      for (const MixedLayer& layer : mixed_->layers) {
        json["mixed"]["layers"].push_back({{"name", layer.sensitivity.name}, {"sqnr_db", number(layer.sensitivity.sqnr_db())},
                                           {"agreement", layer.sensitivity.agreement}, {"act_code", layer.chosen.act_code},
                                           {"weight_code", layer.chosen.weight_code}, {"narrow", layer.narrow()}});
      }
    }
    json["files"] = files_;
    json["next"] = next_command(best);
    return json;
  }

  static std::vector<int> worst(const ModelAnalysis& analysis) {
    std::vector<int> order = worst_first(analysis);
    order.resize(std::min<std::size_t>(order.size(), 3));
    return order;
  }

  void print_header() const {
    if (options_.json()) return;
    const bool part = images_.size() < images_.available();
    std::printf("%s on %lld of %lld images%s\n\n%-26s %6s  %-11s %6s %7s %7s %6s %6s %9s %7s\n", options_.model.c_str(),
                static_cast<long long>(images_.size()), static_cast<long long>(images_.available()),
                part ? fmt::format(" (seed {}; --full takes all)", options_.seed).c_str() : "", "recipe", "top-1", "95 %", "drop", "agree",
                "SQNR dB", "w bits", "a bits", "bytes", "img/s");
  }

  void print_row(const Point& p) const {
    if (options_.json()) return;
    const auto interval = wilson_interval(p.result.correct, p.result.count);
    std::printf("%-26s %6.2f  %5.1f-%-5.1f %6.2f %7.2f %7.1f %6.2f %6.2f %9lld %7.0f\n", p.recipe.name.c_str(), p.result.top1(), interval[0],
                interval[1], p.drop.drop, p.agreement, p.sqnr, p.weight_bits, p.act_bits, static_cast<long long>(p.bytes),
                p.result.images_per_second());
    std::fflush(stdout);
  }

  void print_summary(const Point& best, const ModelAnalysis& analysis) const {
    std::string names;
    for (const Point& p : points_) {
      if (p.on_frontier) names += (names.empty() ? "" : ", ") + p.recipe.name;
    }
    std::printf("\non the frontier of top-1 against weight and activation bits: %s\n", names.c_str());
    if (mixed_) {
      std::printf("mixed recipe (%d evaluations; stopped on these images, ordered on %lld calibration images without labels):", mixed_->evaluations,
                  static_cast<long long>(std::min(source_.images->size(), sensitivity_images)));
      int narrow = 0;
      for (const MixedLayer& layer : mixed_->layers) narrow += layer.narrow();
      std::printf(" %d of %zu layers stay narrow\n", narrow, mixed_->layers.size());
    }
    std::printf("\nrecommended: %s, drop %.2f points (95 %%, same images: %.2f to %.2f). Its worst layers%s:\n", best.recipe.name.c_str(),
                best.drop.drop, best.drop.ci95[0], best.drop.ci95[1], best.recipe.repair == Repair::none ? "" : ", before repair");
    for (const int i : worst(analysis)) {
      const LayerAnalysis& layer = analysis.nodes[static_cast<std::size_t>(i)];
      std::printf("  %-28s %5.1f dB alone, %5.1f accumulated, %5.1f at the scores: %s\n", layer.name.c_str(), layer.alone_db, layer.accumulated_db,
                  layer.scores_db, likely_cause(layer).c_str());
    }
    std::printf("\nwritten: %s/ (%zu files: a recipe each, packed models of the frontier, the calibration); %.1f s\nnext: %s\n", folder_.c_str(),
                files_.size(), clock_.seconds(), next_command(best).c_str());
  }

  const AutoOptions& options_;
  Stopwatch clock_;
  ModelFile file_;
  QuantizedModel network_;
  std::string folder_;
  Images images_;
  CalibrationSource source_;
  Point reference_;
  std::vector<Point> points_;
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
  app.add_option("--max-drop", options->max_drop, "search a mixed recipe that loses at most so many points")->check(CLI::NonNegativeNumber);
  app.add_option("--calib-method", options->range, "minmax, mean-max, percentile, mse or kl");
  app.add_option("--act-top", options->act_top, "code that the end of a range gets, 1 to 255")->check(CLI::Range(1, 255));
  app.add_option("--first-last", options->first_last, "first convolution and classifier: int8, float or same");
  app.add_option("--repair", options->repair, "repair every recipe: none, mean or gain");
  app.add_flag("--equalize", options->equalize, "cross-layer equalization first");
  app.callback([options] { Auto(*options).run(); });
}

}  // namespace bitsieve::cli
