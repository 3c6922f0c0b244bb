#include "cli/auto_report.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "cli/calibration_source.h"
#include "cli/machine_options.h"
#include "eval/causes.h"

namespace bitsieve::cli {
namespace {

const char* name_of(FrontierAxis axis) { return axis_names.at(static_cast<std::size_t>(axis)); }

std::vector<int> worst(const ModelAnalysis& analysis) {
  std::vector<int> order = worst_first(analysis);
  order.resize(std::min<std::size_t>(order.size(), 3));
  return order;
}

// A word of a command line that a shell takes as it is.
std::string shell_word(const std::string& text) {
  const std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

struct Next {
  std::string command, remark;
};

Next next_command(const AutoReport& r) {
  const Options& o = r.options;
  const AutoPoint& best = r.recommended;
  const auto with = [](const char* option, const std::string& value) {
    return value.empty() ? std::string() : fmt::format(" {} {}", option, shell_word(value));
  };
  // What the images and the network depend on, as it was given.
  std::string same = with("--preprocess", o.preprocess);
  if (o.calib_samples != Options().calib_samples) same += fmt::format(" --calib-samples {}", o.calib_samples);
  if (o.seed != Options().seed) same += fmt::format(" --seed {}", o.seed);
  std::string base = with("--calib-method", o.range) + with("--first-last", o.first_last) + with("--repair", o.repair);
  if (o.percentile > 0) base += fmt::format(" --percentile {}", o.percentile);
  if (o.act_top > 0) base += fmt::format(" --act-top {}", o.act_top);
  if (o.equalize) base += " --equalize";
  if (r.machine) base += with("--machine", r.machine->given) + with("--energy-table", r.machine->table_given);
  if (r.axis != FrontierAxis::bits) base += with("--frontier", name_of(r.axis));
  for (const std::string& file : r.configs) base += with("--config", file);
  base += with("-o", o.output);
  if (o.limit > 0) base += fmt::format(" --limit {}", o.limit);
  if (o.limit == 0 && r.images.size() == r.images.available()) base += " --full";
  const std::string model = shell_word(o.model), data = with("--data", o.data), calib = with("--calib", o.calib);
  if (!r.mixed && (best.recipe.name.starts_with("int8") || !r.within) && !names_calibration(o)) {
    return {fmt::format("bitsieve auto {}{}{}{}{} --max-drop {}", model, data, calib, same, base, r.tolerated),
            "mixes 8-bit layers into a narrow recipe"};
  }
  if (best.on_frontier)
    return {fmt::format("bitsieve eval {}{}", shell_word(r.folder + "/" + best.recipe.name + ".bsv"), data), ""};
  return {fmt::format("bitsieve quantize {}{}{}{}", model, calib, same, with("--config", best.recipe_file)), ""};
}

Json cost_json(const MachineCost& cost) {
  if (!cost.report) return {{"cycles", nullptr}, {"energy_uj", nullptr}, {"reason", cost.reason}};
  const accel::Report& r = *cost.report;
  return {{"cycles", r.total.cycles()},
          {"energy_uj", accel::total(r.total.energy) / 1e6},
          {"energy_uj_range", {r.lowest_pj / 1e6, r.highest_pj / 1e6}}};
}

// machine: its name, where the point has a cost.
Json point_json(const AutoPoint& p, const std::string& machine) {
  Json json{{"recipe", p.recipe.name}, {"recipe_file", p.recipe_file}};
  json.update(accuracy_json(p.result));
  json["drop"] = p.drop.drop;
  json["drop_ci95"] = p.drop.ci95;
  json["agreement"] = p.agreement;
  json["logit_sqnr_db"] = number(p.sqnr);
  json["avg_bits_per_weight"] = p.weight_bits;
  json["avg_act_bits"] = p.act_bits;
  json["avg_shifts"] = p.shifts;
  json["weight_sqnr_db"] = number(p.weight_sqnr);
  json["model_bytes"] = p.bytes;
  json["machines"] = Json::object();
  if (p.cost) json["machines"][machine] = cost_json(*p.cost);
  json["on_frontier"] = p.on_frontier;
  return json;
}

Json machine_json(const AutoMachine& m) {
  return {{"machine", m.parameters.machine},
          {"name", m.parameters.name},
          {"parameters", to_toml(m.parameters)},
          {"images", m.images}};
}

// What the machine makes of the recipes, and of which it makes nothing: one line for each reason.
void print_machine(const AutoReport& r) {
  const AutoMachine& m = *r.machine;
  std::printf("\ncycles and energy: %s (%s%s), %s\n", m.parameters.name.c_str(),
              m.parameters.name == m.parameters.machine ? "" : (m.parameters.machine + ", ").c_str(),
              array_of(m.parameters).c_str(), basis_of(m.images, m.table).c_str());
  std::map<std::string, std::vector<std::string>> refused;  // by reason
  for (const AutoPoint& p : r.points) {
    if (!p.cost->report) refused[p.cost->reason].push_back(p.recipe.name);
  }
  for (const auto& [reason, names] : refused) {
    std::string some;
    for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 3); ++i) some += (i ? ", " : "") + names[i];
    if (names.size() > 3) some += fmt::format(" and {} more", names.size() - 3);
    std::printf("no cycles for %s: %s\n", some.c_str(), reason.c_str());
  }
}

Json mixed_json(const MixedResult& mixed) {
  Json json{{"reached", mixed.reached}, {"evaluations", mixed.evaluations}, {"narrow_drop", mixed.narrow_drop}};
  for (const MixedLayer& layer : mixed.layers) {
    json["layers"].push_back({{"name", layer.sensitivity.name},
                              {"sqnr_db", number(layer.sensitivity.sqnr_db())},
                              {"agreement", layer.sensitivity.agreement},
                              {"act_code", layer.chosen.act_code},
                              {"weight_code", layer.chosen.weight_code},
                              {"narrow", layer.narrow()}});
  }
  return json;
}

}  // namespace

void print_auto_header(const Options& options, const Images& images, bool machine) {
  const bool part = images.size() < images.available();
  std::printf("%s on %lld of %lld images%s\n\n%-35s %6s  %-11s %6s %7s %7s %6s %6s %6s %9s %7s%s\n",
              options.model.c_str(), static_cast<long long>(images.size()), static_cast<long long>(images.available()),
              part ? fmt::format(" (seed {}; --full takes all)", options.seed).c_str() : "", "recipe", "top-1", "95 %",
              "drop", "agree", "SQNR dB", "w bits", "shifts", "a bits", "bytes", "img/s",
              machine ? fmt::format(" {:>11} {:>11}", "cycles", "energy uJ").c_str() : "");
}

void print_auto_row(const AutoPoint& p) {
  const auto interval = wilson_interval(p.result.correct, p.result.count);
  std::printf("%-35s %6.2f  %5.1f-%-5.1f %6.2f %7.2f %7.1f %6.2f %6.2f %6.2f %9lld %7.0f", p.recipe.name.c_str(),
              p.result.top1(), interval[0], interval[1], p.drop.drop, p.agreement, p.sqnr, p.weight_bits, p.shifts,
              p.act_bits, static_cast<long long>(p.bytes), p.result.images_per_second());
  if (p.cost && p.cost->report) {
    const accel::LayerReport& total = p.cost->report->total;
    std::printf(" %11.0f %11.3f", total.cycles(), accel::total(total.energy) / 1e6);
  } else if (p.cost) {
    std::printf(" %11s %11s", "-", "-");
  }
  std::printf("\n");
  std::fflush(stdout);
}

void print_auto_summary(const AutoReport& r, const Stopwatch& clock) {
  const bool bits = r.axis == FrontierAxis::bits;
  const std::string axis = name_of(r.axis), on = r.machine ? " on " + r.machine->parameters.name : "";
  std::string names;
  for (const AutoPoint& p : r.points) {
    if (p.on_frontier) names += (names.empty() ? "" : ", ") + p.recipe.name;
  }
  if (r.machine) print_machine(r);
  std::printf("\non the frontier of top-1 against %s: %s\n",
              bits ? "weight bits, shifts and activation bits" : (axis + on).c_str(),
              names.empty() ? "none" : names.c_str());
  if (r.mixed) {
    std::printf(
        "mixed recipe (%d evaluations; stopped on these images, ordered on %lld calibration images without labels):",
        r.mixed->evaluations, static_cast<long long>(r.sensitivity_images));
    int narrow = 0;
    for (const MixedLayer& layer : r.mixed->layers) narrow += layer.narrow();
    std::printf(" %d of %zu layers stay narrow\n", narrow, r.mixed->layers.size());
  }
  const AutoPoint& best = r.recommended;
  if (!r.within) {
    std::printf("\nno recipe%s loses at most %g points; the one that loses least:",
                bits ? "" : (" that runs" + on).c_str(), r.tolerated);
  }
  std::printf(
      "\nrecommended (%s): %s, drop %.2f points (95 %%, same images: %.2f to %.2f). "
      "Its worst layers%s:\n",
      bits ? "fewest weight bits x activation bits"
           : ((r.axis == FrontierAxis::energy ? "least " : "fewest ") + axis + on).c_str(),
      best.recipe.name.c_str(), best.drop.drop, best.drop.ci95[0], best.drop.ci95[1],
      best.recipe.repair == Repair::none ? "" : ", before repair");
  for (const int i : worst(r.analysis)) {
    const LayerAnalysis& layer = r.analysis.nodes[static_cast<std::size_t>(i)];
    std::printf("  %-28s %5.1f dB alone, %5.1f accumulated, %5.1f at the scores: %s\n", layer.name.c_str(),
                layer.alone_db, layer.accumulated_db, layer.scores_db, likely_cause(layer).c_str());
  }
  const Next next = next_command(r);
  if (r.work.run < r.work.whole) {
    std::printf("\nlayers that recipes share, computed once: %.0f %% of the evaluations' multiply-adds saved\n",
                r.work.saved_percent());
  }
  std::printf(
      "\nwritten: %s/ (%zu files: a recipe each, packed models of the frontier, the calibration); %.1f s\nnext%s: %s\n",
      r.folder.c_str(), r.files.size(), clock.seconds(), next.remark.empty() ? "" : (" (" + next.remark + ")").c_str(),
      next.command.c_str());
}

Json auto_json(const AutoReport& r, const Stopwatch& clock) {
  Json json = run_facts(r.options, clock);
  json["model"] = r.options.model;
  json["model_hash"] = r.model.hash;
  json["data"] = r.options.data;
  json["data_hash"] = r.images.hash();
  json["calibration_reused"] = r.calibration_reused;
  if (r.machine) json["machine"] = machine_json(*r.machine);
  if (r.machine) json["energy_table"] = r.machine->table.id;
  json["frontier"] = name_of(r.axis);
  const std::string machine = r.machine ? r.machine->parameters.name : "";
  json["reference"] = point_json(r.reference, machine);
  for (const AutoPoint& p : r.points) json["points"].push_back(point_json(p, machine));
  json["recommended"] = r.recommended.recipe.name;
  json["recommended_within"] = r.within;  // it loses at most --max-drop, or one point
  for (const int i : worst(r.analysis)) {
    const LayerAnalysis& layer = r.analysis.nodes[static_cast<std::size_t>(i)];
    json["worst_layers"].push_back({{"name", layer.name},
                                    {"alone_db", number(layer.alone_db)},
                                    {"accumulated_db", number(layer.accumulated_db)},
                                    {"scores_db", number(layer.scores_db)},
                                    {"cause", find_cause(layer).cause},
                                    {"advice", likely_cause(layer)}});
  }
  if (r.mixed) json["mixed"] = mixed_json(*r.mixed);
  json["evaluation_macs"] = {{"run", r.work.run}, {"whole", r.work.whole}, {"saved_percent", r.work.saved_percent()}};
  json["files"] = r.files;
  json["next"] = next_command(r).command;
  return json;
}

}  // namespace bitsieve::cli
