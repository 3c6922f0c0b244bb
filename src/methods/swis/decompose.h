// SWIS: the set of shift positions for each group of weights (specification of SWIS, A.2 to A.5).
//
// decompose_group is the plain reference and reads like the specification. decompose_layer gives the same bytes, with
// the kernels of kernels/shift_search and many threads.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace bitsieve::swis {

// alpha of MSE++ = numerator / denominator; 0 is plain MSE (A.4). numerator 0 to 64, denominator 1 to 8, lowest terms.
struct Alpha {
  int numerator = 1, denominator = 1;
  bool operator==(const Alpha&) const = default;
};

// The multiple of 1/8 closest to mean^2 / variance of a layer's input, which is what alpha stands for; at most 8.
Alpha alpha_of(double value);

struct Search {
  int shifts = 3;            // N, 1 to 8
  bool consecutive = false;  // SWIS-C
  Alpha alpha;
  // Joint rounding: every weight may take its floor or its ceiling, whichever gives the group the least J; all choices
  // for groups of up to 8 weights, single changes that help most, one by one, above (A.4). Otherwise: nearest.
  bool joint = false;
  bool int8 = true;  // without +128; false: as in the specification's vectors
};

struct GroupResult {
  std::uint8_t set = 0;
  std::int64_t squares = 0;  // sum e^2, e = w - q
  std::int64_t sum = 0;      // sum e
  std::int64_t cost = 0;     // J = denominator * squares + numerator * sum^2
};

// w: -127 to 127, 1 to 32 of them; q gets the rounded weights.
GroupResult decompose_group(std::span<const std::int8_t> w, const Search& search, std::span<std::int16_t> q);

// The weights of a layer [outputs][k], cut in groups: each `run` of weights in pieces of `group`, the last piece of a
// run filled with zeros.
struct Groups {
  std::int64_t outputs = 0, k = 0, run = 0, group = 0;
  std::int64_t per_filter() const { return k / run * ((run + group - 1) / group); }
};

struct LayerResult {
  std::vector<std::uint8_t> set;   // [outputs][per_filter]
  std::vector<std::int8_t> q;      // [outputs][k]
  std::vector<std::int64_t> cost;  // [outputs]: sum of J
};

// shifts_of: N of each filter, [outputs], replaces search.shifts; empty: all the same. threads <= 0: all processors;
// the result does not depend on it. search.int8 must be set.
LayerResult decompose_layer(const std::int8_t* w, const Groups& groups, const Search& search,
                            std::span<const std::uint8_t> shifts_of = {}, int threads = 0);

}  // namespace bitsieve::swis
