#include "methods/swis/decompose.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "kernels/shift_search/shift_search.h"
#include "methods/swis/shift_sets.h"

namespace bitsieve::swis {
namespace {

constexpr std::size_t most_group = 32;

std::int64_t cost_of(const Alpha& alpha, std::int64_t squares, std::int64_t sum) {
  return alpha.denominator * squares + alpha.numerator * sum * sum;
}

// The two magnitudes a weight may take under joint rounding, with its sign.
struct Choice {
  int floor, ceiling;
};

Choice choice(int w, std::uint8_t set, bool int8) {
  const int u = std::abs(w), fl = floor_magnitude(u, set), ce = ceiling_magnitude(u, set);
  if (w < 0) return {-fl, -ce};
  return {fl, int8 && ce > 127 ? fl : ce};
}

// Joint rounding under one set. Equal costs: the choice that comes first, counting up with the first weight's ceiling
// as the lowest bit; one by one: the first weight.
std::int64_t round_jointly(std::span<const std::int8_t> w, std::uint8_t set, const Search& search,
                           std::span<std::int16_t> q) {
  std::array<Choice, most_group> choices{};
  std::int64_t squares = 0, sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    choices[i] = choice(w[i], set, search.int8);
    q[i] = static_cast<std::int16_t>(w.size() <= most_exhaustive ? choices[i].floor
                                                                 : nearest_weight(w[i], set, search.int8));
    squares += (w[i] - q[i]) * (w[i] - q[i]);
    sum += w[i] - q[i];
  }
  std::int64_t best = cost_of(search.alpha, squares, sum);
  // What changes when weight i goes to the other of its two.
  const auto flip = [&](std::size_t i, std::int64_t& new_squares, std::int64_t& new_sum) {
    const int other = q[i] == choices[i].floor ? choices[i].ceiling : choices[i].floor;
    const std::int64_t before = w[i] - q[i], after = w[i] - other;
    new_squares += after * after - before * before;
    new_sum += after - before;
    return other;
  };
  if (w.size() > most_exhaustive) {
    for (;;) {
      std::size_t which = w.size();
      for (std::size_t i = 0; i < w.size(); ++i) {
        std::int64_t new_squares = squares, new_sum = sum;
        flip(i, new_squares, new_sum);
        const std::int64_t cost = cost_of(search.alpha, new_squares, new_sum);
        if (cost < best) best = cost, which = i;
      }
      if (which == w.size()) return best;
      q[which] = static_cast<std::int16_t>(flip(which, squares, sum));
    }
  }
  unsigned first = 0;
  for (unsigned code = 1; code < 1u << w.size(); ++code) {
    // Counting up changes the lowest bits: the trailing ones of code - 1 go back to the floor, the next to the ceiling.
    for (std::size_t i = 0;; ++i) {
      q[i] = static_cast<std::int16_t>(flip(i, squares, sum));
      if ((code >> i & 1) != 0) break;
    }
    const std::int64_t cost = cost_of(search.alpha, squares, sum);
    if (cost < best) best = cost, first = code;
  }
  for (std::size_t i = 0; i < w.size(); ++i) {
    q[i] = static_cast<std::int16_t>((first >> i & 1) != 0 ? choices[i].ceiling : choices[i].floor);
  }
  return best;
}

std::int64_t round_nearest(std::span<const std::int8_t> w, std::uint8_t set, const Search& search,
                           std::span<std::int16_t> q) {
  std::int64_t squares = 0, sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    q[i] = static_cast<std::int16_t>(nearest_weight(w[i], set, search.int8));
    squares += (w[i] - q[i]) * (w[i] - q[i]);
    sum += w[i] - q[i];
  }
  return cost_of(search.alpha, squares, sum);
}

// Joint rounding as the kernels want it: see round_jointly for which of the two comes first.
JointSearchTable joint_table(const Search& search, const std::vector<std::uint8_t>& sets, std::int64_t group) {
  const bool exhaustive = group <= static_cast<std::int64_t>(most_exhaustive);
  const auto pair = [&sets, exhaustive](int weight, int at) {
    const std::uint8_t set = sets[static_cast<std::size_t>(at)];
    const int w = std::max(weight, -127);
    Choice c = choice(w, set, true);
    if (!exhaustive && nearest_weight(w, set) == c.ceiling) std::swap(c.floor, c.ceiling);
    return std::pair{w - c.floor, w - c.ceiling};
  };
  return {static_cast<int>(sets.size()), search.alpha.numerator, search.alpha.denominator,
          [&](int w, int set) { return pair(w, set).first; }, [&](int w, int set) { return pair(w, set).second; }};
}

// What the kernels need to search with N shifts, and what they leave to do: the rounded weights.
struct Plan {
  Plan(const Search& s, std::int64_t group)
      : search(s),
        sets(sets_of(s.shifts, s.consecutive)),
        table(static_cast<int>(sets.size()), s.alpha.numerator, s.alpha.denominator,
              [&](int w, int set) { return std::max(w, -127) - rounded_weight(w, set); }) {
    if (s.joint) joint.emplace(joint_table(s, sets, group));
    for (std::size_t set = 0; set < sets.size(); ++set) {
      for (int w = -128; w < 128; ++w) {
        rounded[set][static_cast<std::size_t>(w & 0xff)] =
            static_cast<std::int8_t>(rounded_weight(w, static_cast<int>(set)));
      }
    }
  }
  int rounded_weight(int w, int set) const {
    return nearest_weight(std::max(w, -127), sets[static_cast<std::size_t>(set)]);
  }

  Search search;
  std::vector<std::uint8_t> sets;
  ShiftSearchTable table;
  std::optional<JointSearchTable> joint;
  std::array<std::array<std::int8_t, 256>, most_sets> rounded{};
};

// One filter; `padded` has room for its groups.
class FilterSearch {
 public:
  FilterSearch(const Groups& groups, const ShiftSearchKernel& kernel)
      : groups_(groups),
        kernel_(kernel),
        padded_(groups.run % groups.group == 0 ? 0 : static_cast<std::size_t>(groups.per_filter() * groups.group)),
        cost_(static_cast<std::size_t>(groups.per_filter())) {}

  std::int64_t run(const Plan& plan, const std::int8_t* w, std::uint8_t* set, std::int8_t* q) {
    const std::int64_t per_filter = groups_.per_filter(), group = groups_.group;
    const std::int8_t* groups = w;
    if (!padded_.empty()) {
      const std::int64_t per_run = (groups_.run + group - 1) / group;
      for (std::int64_t r = 0; r < groups_.k / groups_.run; ++r) {
        std::copy_n(w + r * groups_.run, groups_.run, padded_.data() + r * per_run * group);
      }
      groups = padded_.data();
    }
    if (plan.joint) return jointly(plan, groups, w, set, q);
    kernel_.run({&plan.table, groups, per_filter, group, set, cost_.data()});
    std::int64_t total = 0;
    for_each_group([&](std::int64_t g, std::int64_t from, std::int64_t size) {
      const auto& rounded = plan.rounded[set[g]];
      for (std::int64_t i = from; i < from + size; ++i) q[i] = rounded[static_cast<std::uint8_t>(w[i])];
      set[g] = plan.sets[set[g]];
      total += cost_[static_cast<std::size_t>(g)];
    });
    return total;
  }

 private:
  template <class Body>
  void for_each_group(const Body& body) const {
    std::int64_t g = 0;
    for (std::int64_t run = 0; run < groups_.k; run += groups_.run) {
      for (std::int64_t at = 0; at < groups_.run; at += groups_.group) {
        body(g++, run + at, std::min(groups_.group, groups_.run - at));
      }
    }
  }

  std::int64_t jointly(const Plan& plan, const std::int8_t* groups, const std::int8_t* w, std::uint8_t* set,
                       std::int8_t* q) {
    error_.resize(static_cast<std::size_t>(groups_.per_filter() * groups_.group));
    joint_cost_.resize(cost_.size());
    kernel_.joint({&*plan.joint, groups, groups_.per_filter(), groups_.group, set, joint_cost_.data(), error_.data()});
    std::int64_t total = 0;
    for_each_group([&](std::int64_t g, std::int64_t from, std::int64_t size) {
      const std::int16_t* error = error_.data() + g * groups_.group;
      for (std::int64_t i = 0; i < size; ++i) q[from + i] = static_cast<std::int8_t>(w[from + i] - error[i]);
      set[g] = plan.sets[set[g]];
      total += joint_cost_[static_cast<std::size_t>(g)];
    });
    return total;
  }

  Groups groups_;
  const ShiftSearchKernel& kernel_;
  std::vector<std::int8_t> padded_;
  std::vector<std::uint32_t> cost_;
  std::vector<std::int64_t> joint_cost_;
  std::vector<std::int16_t> error_;
};

}  // namespace

Alpha alpha_of(double value) {
  const int eighths = static_cast<int>(std::nearbyint(std::clamp(value, 0.0, 8.0) * 8));
  const int divisor = std::gcd(eighths, 8);
  return {eighths / divisor, 8 / divisor};
}

GroupResult decompose_group(std::span<const std::int8_t> w, const Search& search, std::span<std::int16_t> q) {
  GroupResult best;
  best.cost = INT64_MAX;
  std::array<std::int16_t, most_group> trial{};
  if (w.empty() || w.size() > most_group) fail("a group of {} weights; 1 to {} are allowed", w.size(), most_group);
  for (const std::uint8_t set : sets_of(search.shifts, search.consecutive)) {
    const std::span rounded = std::span(trial).first(w.size());
    const std::int64_t cost =
        search.joint ? round_jointly(w, set, search, rounded) : round_nearest(w, set, search, rounded);
    if (cost >= best.cost) continue;
    best = {set, 0, 0, cost};
    std::copy(rounded.begin(), rounded.end(), q.begin());
  }
  for (std::size_t i = 0; i < w.size(); ++i) {
    best.squares += (w[i] - q[i]) * (w[i] - q[i]);
    best.sum += w[i] - q[i];
  }
  return best;
}

LayerResult decompose_layer(const std::int8_t* w, const Groups& groups, const Search& search,
                            std::span<const std::uint8_t> shifts_of, int threads) {
  if (!search.int8) fail("a layer's weights are int8");
  if (groups.run < 1 || groups.k % groups.run != 0 || groups.group < 1 ||
      groups.group > static_cast<std::int64_t>(most_group)) {
    fail("{} weights in runs of {} and groups of {}", groups.k, groups.run, groups.group);
  }
  const std::int64_t per_filter = groups.per_filter();
  LayerResult result;
  result.set.resize(static_cast<std::size_t>(groups.outputs * per_filter));
  result.q.resize(static_cast<std::size_t>(groups.outputs * groups.k));
  result.cost.resize(static_cast<std::size_t>(groups.outputs));
  std::array<std::unique_ptr<const Plan>, 9> plans;  // by N
  const auto plan_for = [&](int shifts) {
    auto& plan = plans[static_cast<std::size_t>(shifts)];
    if (plan) return;
    Search with = search;
    with.shifts = shifts;
    plan = std::make_unique<const Plan>(with, groups.group);
  };
  for (const std::uint8_t n : shifts_of) plan_for(n);
  if (shifts_of.empty()) plan_for(search.shifts);

  // A block of filters is a few thousand groups: enough to be worth a thread's attention.
  const std::int64_t block = std::max<std::int64_t>(1, 4096 / per_filter);
  const std::int64_t blocks = (groups.outputs + block - 1) / block;
  const ShiftSearchKernel& kernel = select_shift_search(best_isa());
  std::vector<FilterSearch> workers(static_cast<std::size_t>(worker_count(blocks, threads)),
                                    FilterSearch(groups, kernel));
  parallel_for(blocks, threads, [&](std::int64_t b, int worker) {
    for (std::int64_t o = b * block; o < std::min(groups.outputs, (b + 1) * block); ++o) {
      const auto at = static_cast<std::size_t>(o);
      const Plan& plan = *plans[shifts_of.empty() ? static_cast<std::size_t>(search.shifts) : shifts_of[at]];
      result.cost[at] = workers[static_cast<std::size_t>(worker)].run(
          plan, w + o * groups.k, result.set.data() + o * per_filter, result.q.data() + o * groups.k);
    }
  });
  return result;
}

}  // namespace bitsieve::swis
