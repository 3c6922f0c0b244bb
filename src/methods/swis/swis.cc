#include "methods/swis/swis.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "methods/names.h"
#include "methods/swis/orientation.h"
#include "methods/swis/schedule.h"
#include "methods/uniform/uniform.h"

namespace bitsieve::swis {
namespace {

bool whole(double x) { return x == std::floor(x); }

std::vector<int> levels_of(const Options& options) {
  std::vector<int> levels;
  for (int n = options.even ? 2 : 1; n <= most_shifts; n += options.even ? 2 : 1) levels.push_back(n);
  return levels;
}

bool needs_schedule(const Options& o) {
  return o.any_level || !whole(o.shifts) || (o.even && std::fmod(o.shifts, 2) != 0);
}

// Errors of all filters at the levels that a schedule may use.
FilterErrors measure(const std::int8_t* q, const Groups& groups, const Search& search, const std::vector<float>& scale,
                     std::span<const int> levels, int threads) {
  FilterErrors errors(static_cast<std::size_t>(groups.outputs), std::vector<double>(most_shifts + 1, 0));
  for (const int n : levels) {
    Search with = search;
    with.shifts = n;
    const LayerResult result = decompose_layer(q, groups, with, {}, threads);
    for (std::size_t o = 0; o < errors.size(); ++o) {
      errors[o][static_cast<std::size_t>(n)] =
          static_cast<double>(result.cost[o]) * static_cast<double>(scale[o]) * static_cast<double>(scale[o]);
    }
  }
  return errors;
}

// The levels around the target, which are all that two_levels looks at.
std::vector<int> around(const std::vector<int>& levels, double target) {
  const auto high = std::find_if(levels.begin(), levels.end(), [&](int level) { return level >= target; });
  if (high == levels.begin() || *high == target) return {*high};
  return {*(high - 1), *high};
}

}  // namespace

std::optional<Options> parse_name(std::string_view name) {
  const std::vector<std::string_view> parts = parts_of(name);
  if (parts.size() < 3 || (parts[0] != "swis" && parts[0] != "swisc")) return std::nullopt;
  Options o;
  o.consecutive = parts[0] == "swisc";
  const auto shifts = number_after(parts[1], "n");
  const auto group = whole_after(parts[2], "m", 1, 32);
  if (!shifts || *shifts < 1 || *shifts > most_shifts || !group || (*group & (*group - 1)) != 0) return std::nullopt;
  o.shifts = *shifts;
  o.group = *group;
  std::set<std::string_view> seen;
  for (std::size_t i = 3; i < parts.size(); ++i) {
    const std::string_view part = parts[i];
    std::string_view kind = part;
    const auto alpha = number_after(part, "alpha");
    const auto columns = whole_after(part, "c", 1, 1024);
    if (part == "mse") {
      o.alpha = {0, 1};
      kind = "alpha";
    } else if (part == "measured") {
      o.measured_alpha = true;
      kind = "alpha";
    } else if (alpha) {
      o.alpha = alpha_of(*alpha);
      if (static_cast<double>(o.alpha.numerator) / o.alpha.denominator != *alpha) return std::nullopt;
      kind = "alpha";
    } else if (columns) {
      o.columns = *columns;
      kind = "c";
    } else if (bool* flag = part == "joint"    ? &o.joint
                            : part == "flat"   ? &o.flat
                            : part == "tensor" ? &o.per_tensor
                            : part == "any"    ? &o.any_level
                            : part == "even"   ? &o.even
                                               : nullptr) {
      *flag = true;
    } else {
      return std::nullopt;
    }
    if (!seen.insert(kind).second) return std::nullopt;
  }
  if (o.even && o.shifts < 2) return std::nullopt;
  return o;
}

std::string with_shifts(std::string_view name, double shifts) {
  const std::vector<std::string_view> parts = parts_of(name);
  std::string result = fmt::format("{}-n{}", parts.at(0), shifts);
  for (std::size_t i = 2; i < parts.size(); ++i) result += fmt::format("-{}", parts[i]);
  return result;
}

CodedWeights quantize_weights(const WeightInput& input, const Options& options) {
  auto base =
      uniform::quantize_weights(input.w, input.outputs, input.k, 8, uniform::ScaleRule::max_code, options.per_tensor);
  orient_filters(base);
  Search search;
  search.consecutive = options.consecutive;
  search.joint = options.joint;
  search.alpha = options.alpha;
  if (options.measured_alpha) {
    if (!std::isfinite(input.alpha)) fail("a measured alpha needs the statistics of the layer's input");
    search.alpha = alpha_of(input.alpha);
  }
  CodedWeights coded;
  SharedShifts& code = coded.shifts;
  code.group = options.group;
  code.run = options.flat || input.depth == 1 ? input.k : input.depth;
  code.consecutive = options.consecutive;
  const Groups groups{input.outputs, input.k, code.run, code.group};

  std::vector<std::uint8_t> shifts_of;
  if (needs_schedule(options)) {
    code.columns = options.columns;
    std::vector<int> levels = levels_of(options);
    if (!options.any_level) levels = around(levels, options.shifts);
    const FilterErrors errors = measure(base.q.data(), groups, search, base.scale, levels, input.threads);
    Schedule schedule = two_levels(errors, levels, options.shifts, code.columns);
    if (options.any_level) {
      Schedule better = any_levels(errors, levels, options.shifts, code.columns);
      if (better.error < schedule.error) schedule = std::move(better);
    }
    code.shifts = std::move(schedule.shifts);
    code.filter = std::move(schedule.filter);
    shifts_of = shifts_of_filters(code, input.outputs);
  } else {
    search.shifts = static_cast<int>(options.shifts);
    code.shifts = {static_cast<std::uint8_t>(search.shifts)};
  }
  LayerResult result = decompose_layer(base.q.data(), groups, search, shifts_of, input.threads);
  code.set = std::move(result.set);
  coded.q = std::move(result.q);
  coded.scale = std::move(base.scale);
  return coded;
}

std::optional<WeightCode> weight_code(std::string_view name) {
  const std::optional<Options> options = parse_name(name);
  if (!options) return std::nullopt;
  WeightCode code;
  code.name = name;
  const double group = static_cast<double>(options->group);
  code.bits = 1 + options->shifts + (options->consecutive ? 3 : 3 * options->shifts) / group;
  code.shifts = options->shifts;
  code.measures_alpha = options->measured_alpha;
  code.quantize = [o = *options](const WeightInput& input) { return quantize_weights(input, o); };
  return code;
}

}  // namespace bitsieve::swis
