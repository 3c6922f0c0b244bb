#include "cli/options.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/files.h"
#include "base/parallel.h"
#include "methods/methods.h"

namespace bitsieve::cli {
namespace {

CodeNames code_names() {
  CodeNames names;
  names.weights.known = [](const std::string& name) { return find_weight_code(name).has_value(); };
  for (const WeightCodeRow& row : weight_codes())
    names.weights.allowed += (names.weights.allowed.empty() ? "" : ", ") + row.names;
  names.activations.known = [](const std::string& name) {
    return std::any_of(activation_codes().begin(), activation_codes().end(),
                       [&](const ActivationCodeRow& row) { return row.name == name; });
  };
  for (const ActivationCodeRow& row : activation_codes())
    names.activations.allowed += (names.activations.allowed.empty() ? "" : ", ") + row.name;
  return names;
}

// The name of a recipe that no file named: what it does to most layers.
std::string name_of_codes(const Recipe& recipe) {
  std::string name = recipe.layers.act_code;
  if (name == "int8") {
    name = recipe.layers.weight_code;  // "swis-n3-m4": activations of 8 bits go without saying
  } else if (recipe.layers.weight_code != "int8") {
    name += "-" + recipe.layers.weight_code;
  }
  if (recipe.rounding != Rounding::nearest) name += "-" + std::string(name_of(recipe.rounding));
  if (recipe.repair != Repair::none) name += "-" + std::string(name_of(recipe.repair));
  return name;
}

}  // namespace

CLI::Validator at_least(std::uint64_t least, std::uint64_t most) {
  return {[least, most](std::string& text) {
            std::uint64_t value = 0;
            const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), value);
            const bool whole = status == std::errc() && stop == text.data() + text.size() && !text.empty();
            if (whole && value > most) return fmt::format("'{}' is more than {}", text, most);
            return whole && value >= least ? std::string()
                                           : fmt::format("'{}' is not a whole number of {} or more", text, least);
          },
          most >= INT64_MAX ? fmt::format("{} or more", least) : fmt::format("{} to {}", least, most)};
}

CLI::Validator not_empty() {
  return {[](std::string& text) { return text.empty() ? std::string("a name is missing") : std::string(); }, ""};
}

CLI::Validator within(double least, double most) {
  return {[least, most](std::string& text) {
            double value = 0;
            const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), value);
            const bool number = status == std::errc() && stop == text.data() + text.size();
            return number && value >= least && value <= most  // and no NaN
                       ? std::string()
                       : fmt::format("'{}' is not a number from {} to {}", text, least, most);
          },
          fmt::format("{} to {}", least, most)};
}

CLI::Validator points() { return within(0, 100); }

void add_model(CLI::App& app, Options& options, const char* what) {
  app.add_option("MODEL", options.model, what)->required();
  add_format(app, options);
}

void add_format(CLI::App& app, Options& options) {
  app.add_option("--format", options.format, "human or json")->check(CLI::IsMember({"human", "json"}));
  app.add_option("--log-level", options.log_level, "what goes to standard error: quiet, warn or info")
      ->check(CLI::IsMember({"quiet", "warn", "info"}));
}

void add_threads(CLI::App& app, Options& options, const char* what) {
  app.add_option("-j,--threads", options.threads, what)->check(at_least(0, most_threads));
  app.add_option("--seed", options.seed, "seed of every random choice")->check(at_least(0, UINT64_MAX));
}

void add_data(CLI::App& app, Options& options, bool required) {
  app.add_option("--data", options.data, "labelled images, KIND:PATH[:SPLIT] (see bitsieve list)")->required(required);
  if (!app.get_option_no_throw("--preprocess")) {
    app.add_option("--preprocess", options.preprocess, "preprocessing file (default: MODEL with the ending .toml)");
  }
  app.add_option("--limit", options.limit, "evaluate a seeded choice of so many images (0: all)")->check(at_least(0));
}

void add_calibration(CLI::App& app, Options& options, bool required) {
  app.add_option("--calib", options.calib,
                 "images for calibration, labels ignored, KIND:PATH[:SPLIT]; or a calibration file")
      ->required(required);
  app.add_option("--calib-samples", options.calib_samples, "images to calibrate on")->check(at_least(1));
  if (!app.get_option_no_throw("--preprocess")) {
    app.add_option("--preprocess", options.preprocess, "preprocessing file (default: MODEL with the ending .toml)");
  }
}

void add_output(CLI::App& app, Options& options, const char* what) {
  app.add_option("-o,--output", options.output, what)->check(not_empty());
}

void add_recipe(CLI::App& app, Options& options) {
  const char* group = "Recipe";
  app.add_option("--config", options.config, "recipe file (docs/recipes.md)")->group(group);
  app.add_option("--weights", options.weights, "weight code of every layer (see bitsieve list)")->group(group);
  app.add_option("--activations", options.activations, "activation code of every layer (see bitsieve list)")
      ->group(group);
  app.add_option("--w-bits", options.w_bits, "uniform weight bits, 2 to 8")->group(group);
  app.add_option("--a-bits", options.a_bits, "uniform activation bits, 4 or 8")->group(group);
  app.add_option("--layer", options.layers, "REGEX=key:value,... for the layers that match; repeatable, later wins")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--exclude", options.excludes, "layers that match stay float; repeatable")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--first-last", options.first_last, "first convolution and classifier: int8, float or same")
      ->group(group);
  app.add_option("--calib-method", options.range, "minmax, mean-max, percentile, mse or kl")->group(group);
  app.add_option("--percentile", options.percentile, "for --calib-method percentile, in percent")
      ->check(within(1e-9, 100))
      ->group(group);
  app.add_option("--act-top", options.act_top, "code that the end of a range gets, 1 to 255")
      ->check(at_least(1, 255))
      ->group(group);
  app.add_option("--rounding", options.rounding, "weights nearest, or learned from calibration images")->group(group);
  app.add_option("--repair", options.repair, "match channels to the float network: none, mean or gain")->group(group);
  app.add_option("--prune", options.prune, "none or 2:4")->group(group);
  app.add_flag("--equalize", options.equalize, "cross-layer equalization first")->group(group);
  app.add_flag("--recalibrate-norms", options.recalibrate_norms,
               "batch norm statistics again, quantized layers running")
      ->group(group);
  app.add_flag("--strict", options.strict, "a layer that is not in the precision asked for is an error")->group(group);
}

namespace {

// What the command line says about every layer wins over the rules of a recipe file.
void clear_rules(Recipe& recipe, bool weights, bool activations) {
  for (LayerRule& rule : recipe.rules) {
    if (weights) rule.weight_code.clear();
    if (activations) rule.act_code.clear();
  }
  std::erase_if(recipe.rules, [](const LayerRule& rule) { return rule.weight_code.empty() && rule.act_code.empty(); });
}

}  // namespace

Recipe recipe_from(const Options& o) {
  const CodeNames names = code_names();
  Recipe recipe;
  if (!o.config.empty()) recipe = parse_recipe(read_file(o.config, 1 << 20), o.config, &names);
  clear_rules(recipe, !o.weights.empty() || !o.w_bits.empty(), !o.activations.empty() || !o.a_bits.empty());
  if (!o.w_bits.empty()) recipe.layers.weight_code = weight_code_of_bits(o.w_bits, "--w-bits");
  if (!o.a_bits.empty()) recipe.layers.act_code = act_code_of_bits(o.a_bits, "--a-bits");
  const auto known = [](const std::string& code, const char* option, const auto& require) {
    try {
      if (code != "float") require(code);
    } catch (const Error& e) {
      throw Error(fmt::format("{}: {}", option, e.what()), ErrorKind::usage);
    }
    return code;
  };
  if (!o.weights.empty()) recipe.layers.weight_code = known(o.weights, "--weights", require_weight_code);
  if (!o.activations.empty()) recipe.layers.act_code = known(o.activations, "--activations", require_activation_code);
  for (const std::string& text : o.layers) {
    apply_layer_option(recipe, text);
    const LayerRule& rule = recipe.rules.back();
    if (!rule.weight_code.empty()) known(rule.weight_code, "--layer", require_weight_code);
    if (!rule.act_code.empty()) known(rule.act_code, "--layer", require_activation_code);
  }
  for (const std::string& pattern : o.excludes) apply_exclude_option(recipe, pattern);
  if (!o.range.empty()) recipe.range = range_rule_named(o.range, "--calib-method");
  if (!o.first_last.empty()) recipe.first_last = first_last_named(o.first_last, "--first-last");
  if (!o.rounding.empty()) recipe.rounding = rounding_named(o.rounding, "--rounding");
  if (!o.repair.empty()) recipe.repair = repair_named(o.repair, "--repair");
  if (!o.prune.empty() && o.prune != "none" && o.prune != "2:4") {
    throw Error(fmt::format("--prune: '{}' is not one of none, 2:4", o.prune), ErrorKind::usage);
  }
  if (!o.prune.empty()) recipe.prune_two_of_four = o.prune == "2:4";
  if (o.percentile > 0) {
    if (recipe.range != RangeRule::percentile)
      throw Error("--percentile needs --calib-method percentile", ErrorKind::usage);
    recipe.percentile = o.percentile;
  }
  if (o.act_top > 0) recipe.act_top = o.act_top;
  recipe.equalize = recipe.equalize || o.equalize;
  recipe.recalibrate_norms = recipe.recalibrate_norms || o.recalibrate_norms;
  if (recipe.name.empty()) recipe.name = name_of_codes(recipe);
  return recipe;
}

}  // namespace bitsieve::cli
