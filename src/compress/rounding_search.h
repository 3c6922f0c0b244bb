// Rounding the weights of a filter together: each weight takes one of two values, and the error e of all of them shall
// make e^T H e small, H being a positive definite matrix of the layer's inputs.
#pragma once
#include <cstdint>
#include <vector>

#include "compress/gram.h"

namespace bitsieve {

struct WeightChoice {
  double target = 0;                  // what the weight should be, in steps of the filter's scale
  std::int16_t below = 0, above = 0;  // what it can be; equal where there is one choice
  std::int16_t now = 0;               // what the weight is; gets the result
};

struct FilterResult {
  double signal = 0;         // target^T H target
  double before = 0;         // e^T H e as the weights were
  double after = 0;          // never above `before`
  std::int64_t changed = 0;  // weights
};

// Searches with one H; many filters at a time share the reading of its rows.
class RoundingSearch {
 public:
  explicit RoundingSearch(Matrix positive, int threads);

  static constexpr std::int64_t lanes = 8;  // filters of one call
  // choices: up to `lanes` filters one after the other, size() weights each. Thread safe.
  //
  // Two starts are compared: the weights as they are, and rounding one weight after the other with feedback: with
  // H = L L^T, e^T H e = sum_i (L_ii e_i + sum_{j>i} L_ji e_j)^2, so from the last weight to the first each one takes
  // the value that cancels best what the later ones left in its term. (GPTQ does the same with the inverse of H; in the
  // theory of lattices it is Babai's nearest plane.) From the better start on, single weights change over as long as
  // that lowers e^T H e: `most_sweeps` times over all of them at most.
  std::vector<FilterResult> run(std::vector<WeightChoice>& choices) const;
  static constexpr int most_sweeps = 20;

  std::int64_t size() const { return positive_.size; }

  // v becomes H^-1 v, for `lanes` vectors: [size()][lanes].
  void solve(std::vector<double>& v) const;

 private:
  void descend(std::vector<double>& error, std::vector<double>& gradient, const WeightChoice* choices,
               FilterResult& result) const;

  Matrix positive_, lower_;
};

}  // namespace bitsieve
