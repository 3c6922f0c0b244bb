#include "compress/rounding_search.h"

#include <algorithm>
#include <cmath>

namespace bitsieve {
namespace {

constexpr std::int64_t lanes = RoundingSearch::lanes;

// One number per weight and filter: [weights][lanes], so that the filters are the lanes of a vector.
using Lanes = std::vector<double>;

void add_multiple(double* sum, double factor, const double* values) {
  for (std::int64_t l = 0; l < lanes; ++l) sum[l] += factor * values[l];
}

// sum_i (sum_{j>=i} L_ji v_j)^2 of each filter; choose(j, feedback) may set v_j first, where feedback is what v_j
// should be to cancel its term.
template <class Choose>
void triangular_pass(const Matrix& lower, Lanes& v, double* norm, const Choose& choose) {
  Lanes left(v.size(), 0.0);  // sum_{j>i} L_ji v_j
  std::fill_n(norm, lanes, 0.0);
  for (std::int64_t j = lower.size - 1; j >= 0; --j) {
    const double* row = lower.row(j);
    double* term = left.data() + j * lanes;
    double* value = v.data() + j * lanes;
    choose(j, term, row[j]);
    add_multiple(term, row[j], value);
    for (std::int64_t l = 0; l < lanes; ++l) norm[l] += term[l] * term[l];
    for (std::int64_t i = 0; i < j; ++i) add_multiple(left.data() + i * lanes, row[i], value);
  }
}

}  // namespace

RoundingSearch::RoundingSearch(Matrix positive, int threads)
    : positive_(std::move(positive)), lower_(cholesky(positive_, threads)) {}

std::vector<FilterResult> RoundingSearch::run(std::vector<WeightChoice>& choices) const {
  const std::int64_t k = size(), filters = static_cast<std::int64_t>(choices.size()) / k;
  Lanes target(static_cast<std::size_t>(k * lanes), 0.0), now = target, below = target, above = target, fed = target;
  for (std::int64_t l = 0; l < filters; ++l) {
    for (std::int64_t i = 0; i < k; ++i) {
      const WeightChoice& c = choices[static_cast<std::size_t>(l * k + i)];
      const auto at = static_cast<std::size_t>(i * lanes + l);
      target[at] = c.target;
      now[at] = c.target - c.now;
      below[at] = c.target - c.below;
      above[at] = c.target - c.above;
    }
  }
  double signal[lanes], before[lanes], after[lanes];
  const auto keep = [](std::int64_t, const double*, double) {};
  triangular_pass(lower_, target, signal, keep);
  triangular_pass(lower_, now, before, keep);
  triangular_pass(lower_, fed, after, [&](std::int64_t j, const double* term, double diagonal) {
    for (std::int64_t l = 0; l < lanes; ++l) {
      const auto at = static_cast<std::size_t>(j * lanes + l);
      const double wanted = -term[l] / diagonal;
      fed[at] = std::abs(below[at] - wanted) <= std::abs(above[at] - wanted) ? below[at] : above[at];
    }
  });
  for (std::int64_t l = 0; l < lanes; ++l) {
    if (after[l] < before[l]) continue;
    for (std::int64_t i = 0; i < k; ++i)
      fed[static_cast<std::size_t>(i * lanes + l)] = now[static_cast<std::size_t>(i * lanes + l)];
  }
  Lanes product(fed.size(), 0.0);  // H e
  for (std::int64_t i = 0; i < k; ++i) {
    const double* row = positive_.row(i);
    double* sum = product.data() + i * lanes;
    for (std::int64_t j = 0; j < k; ++j) add_multiple(sum, row[j], fed.data() + j * lanes);
  }
  std::vector<FilterResult> results(static_cast<std::size_t>(filters));
  std::vector<double> error(static_cast<std::size_t>(k)), gradient = error;
  for (std::int64_t l = 0; l < filters; ++l) {
    FilterResult& result = results[static_cast<std::size_t>(l)];
    result.signal = signal[l];
    result.before = before[l];
    result.after = std::min(before[l], after[l]);
    for (std::int64_t i = 0; i < k; ++i) {
      error[static_cast<std::size_t>(i)] = fed[static_cast<std::size_t>(i * lanes + l)];
      gradient[static_cast<std::size_t>(i)] = product[static_cast<std::size_t>(i * lanes + l)];
    }
    WeightChoice* choice = choices.data() + l * k;
    descend(error, gradient, choice, result);
    for (std::int64_t i = 0; i < k; ++i) {
      const auto value =
          static_cast<std::int16_t>(std::nearbyint(choice[i].target - error[static_cast<std::size_t>(i)]));
      result.changed += value != choice[i].now;
      choice[i].now = value;
    }
  }
  return results;
}

void RoundingSearch::solve(std::vector<double>& v) const {
  const auto divide = [](double* value, double by) {
    for (std::int64_t l = 0; l < lanes; ++l) value[l] /= by;
  };
  for (std::int64_t i = 0; i < size(); ++i) {
    const double* row = lower_.row(i);
    for (std::int64_t j = 0; j < i; ++j) add_multiple(v.data() + i * lanes, -row[j], v.data() + j * lanes);
    divide(v.data() + i * lanes, row[i]);
  }
  for (std::int64_t i = size() - 1; i >= 0; --i) {
    const double* row = lower_.row(i);
    divide(v.data() + i * lanes, row[i]);
    for (std::int64_t j = 0; j < i; ++j) add_multiple(v.data() + j * lanes, -row[j], v.data() + i * lanes);
  }
}

void RoundingSearch::descend(std::vector<double>& error, std::vector<double>& gradient, const WeightChoice* choices,
                             FilterResult& result) const {
  const double least = 1e-9 * result.before;  // smaller gains are noise of the sums, and could go round in circles
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    bool any = false;
    for (std::int64_t i = size() - 1; i >= 0; --i) {
      const WeightChoice& c = choices[i];
      if (c.below == c.above) continue;
      const auto at = static_cast<std::size_t>(i);
      const double* row = positive_.row(i);
      // The value further away from where the weight is now: where it is neither of the two, that is a change as well.
      const double low = c.target - c.below, high = c.target - c.above;
      const double step = (std::abs(error[at] - low) < std::abs(error[at] - high) ? high : low) - error[at];
      const double gain = -step * (2 * gradient[at] + step * row[i]);
      if (!(gain > least)) continue;
      for (std::int64_t j = 0; j < size(); ++j) gradient[static_cast<std::size_t>(j)] += step * row[j];
      error[at] += step;
      result.after -= gain;
      any = true;
    }
    if (!any) return;
  }
}

}  // namespace bitsieve
