#include "methods/swis/swis.h"

#include <algorithm>
#include <bit>
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

// Magnitudes of each group of a filter, or-ed: the positions that it needs.
std::vector<std::uint8_t> positions_of(std::span<const std::int8_t> q, std::int64_t run, std::int64_t group) {
  std::vector<std::uint8_t> positions;
  for (std::size_t i = 0; i < q.size(); ++i) {
    if (static_cast<std::int64_t>(i) % run % group == 0) positions.push_back(0);
    positions.back() = static_cast<std::uint8_t>(positions.back() | std::abs(int{q[i]}));
  }
  return positions;
}

// Shifts that these positions take, at least 1.
int shifts_for(std::uint8_t positions, bool consecutive) {
  if (positions == 0) return 1;
  return consecutive ? std::bit_width(positions) - std::countr_zero(positions) : std::popcount(positions);
}

// A set of n positions that holds these.
std::uint8_t set_holding(std::uint8_t positions, int n, bool consecutive) {
  if (consecutive) {
    const int offset = positions == 0 ? 0 : std::min(std::countr_zero(positions), 8 - n);
    return static_cast<std::uint8_t>(((1 << n) - 1) << offset);
  }
  while (std::popcount(positions) < n) positions = static_cast<std::uint8_t>(positions | (positions + 1));
  return positions;
}

// The integers of a filter whose weights are whole steps with shared positions already.
struct Grid {
  int shifts = 0;  // that it needs; 0: there is none
  float scale = 0;
  std::vector<std::int8_t> q;
};

// The one that needs the fewest shifts, at most `most`; the coarsest of those.
Grid find_grid(std::span<const float> w, std::int64_t run, std::int64_t group, bool consecutive, int most) {
  Grid best;
  for (int multiple = 1; multiple <= 128; ++multiple) {
    const uniform::ExactStep exact = uniform::exact_step(w, multiple, 128);
    if (exact.multiple == 0) break;
    multiple = exact.multiple;
    Grid grid;
    bool plus = false, minus = false;  // +128 is no weight; its negative is
    for (const float x : w) {
      const float steps = std::nearbyint(x / exact.step);
      plus = plus || steps > 127;
      minus = minus || steps < -127;
    }
    if (plus && minus) continue;
    grid.scale = plus ? -exact.step : exact.step;
    for (const float x : w) grid.q.push_back(static_cast<std::int8_t>(std::nearbyint(x / grid.scale)));
    for (const std::uint8_t positions : positions_of(grid.q, run, group))
      grid.shifts = std::max(grid.shifts, shifts_for(positions, consecutive));
    if (grid.shifts <= most && (best.shifts == 0 || grid.shifts < best.shifts)) best = std::move(grid);
  }
  return best;
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
                            : part == "exact"  ? &o.exact
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
  if (o.exact && o.per_tensor) return std::nullopt;
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

  std::vector<int> levels{static_cast<int>(options.shifts)};
  if (needs_schedule(options))
    levels = options.any_level ? levels_of(options) : around(levels_of(options), options.shifts);
  std::vector<Grid> grids(static_cast<std::size_t>(options.exact ? input.outputs : 0));
  for (std::size_t o = 0; o < grids.size(); ++o) {
    const std::size_t k = static_cast<std::size_t>(input.k);
    grids[o] = find_grid({input.w + o * k, k}, code.run, code.group, code.consecutive, levels.back());
    if (grids[o].shifts == 0) continue;
    base.scale[o] = grids[o].scale;
    std::copy(grids[o].q.begin(), grids[o].q.end(), base.q.begin() + static_cast<std::ptrdiff_t>(o * k));
  }

  std::vector<std::uint8_t> shifts_of;
  if (needs_schedule(options)) {
    code.columns = options.columns;
    FilterErrors errors = measure(base.q.data(), groups, search, base.scale, levels, input.threads);
    for (std::size_t o = 0; o < grids.size(); ++o) {
      for (const int n : levels) {
        if (grids[o].shifts > 0 && n >= grids[o].shifts) errors[o][static_cast<std::size_t>(n)] = 0;
      }
    }
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
  for (std::size_t o = 0; o < grids.size(); ++o) {
    const int n = shifts_of.empty() ? search.shifts : shifts_of[o];
    if (grids[o].shifts == 0 || grids[o].shifts > n) continue;
    std::copy(grids[o].q.begin(), grids[o].q.end(), result.q.begin() + static_cast<std::ptrdiff_t>(o) * input.k);
    const std::vector<std::uint8_t> positions = positions_of(grids[o].q, code.run, code.group);
    for (std::size_t g = 0; g < positions.size(); ++g)
      result.set[o * positions.size() + g] = set_holding(positions[g], n, code.consecutive);
  }
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
