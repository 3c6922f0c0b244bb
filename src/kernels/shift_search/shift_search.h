// The search of SWIS: for each group of weights, the set of shift positions with the least error (specification of
// SWIS, A.3 and A.4). Which sets there are and how a weight is rounded to one is in the table, so that the kernels know
// nothing of either:
//
//   e_i = error of weight i under set s, from the table
//   J(s) = denominator * sum e_i^2 + numerator * (sum e_i)^2
//   result: the first set of least J, and J
//
// Every kernel gives the same result: where 16 or 32 bits could not tell, the group is searched again with 64.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "base/cpu.h"
#include "kernels/epilogue.h"

namespace bitsieve {

inline constexpr int most_sets = 70;  // C(8, 4)

// Errors of every weight under every set, in rows by the weight's byte: `lanes` errors, then `lanes` squared errors.
class ShiftSearchTable {
 public:
  // error(weight, set): weight - rounded weight, in [-127, 127], for weights -128 to 127 and sets 0 to sets - 1.
  // alpha = numerator / denominator: 0 to 64 and 1 to 8.
  ShiftSearchTable(int sets, int numerator, int denominator, const std::function<int(int weight, int set)>& error);

  int sets() const { return sets_; }
  int lanes() const { return lanes_; }  // sets rounded up to a multiple of 32
  std::int32_t numerator() const { return numerator_; }
  std::int32_t denominator() const { return denominator_; }
  const std::int16_t* row(std::int8_t weight) const {
    return reinterpret_cast<const std::int16_t*>(lines_.data()) + static_cast<std::uint8_t>(weight) * 2 * lanes_;
  }
  // Where 32-bit costs are wanted the sets lie in the order that unpacking 16-bit lanes undoes (kernels only).
  bool wide() const { return denominator_ != 1 || numerator_ > 1; }
  int lane_of(int set) const { return wide() ? set / 32 * 32 + set % 16 / 4 * 8 + set % 32 / 16 * 4 + set % 4 : set; }

 private:
  int sets_, lanes_;
  std::int32_t numerator_, denominator_;
  std::vector<PackedLine> lines_;
};

struct ShiftSearchArgs {
  const ShiftSearchTable* table = nullptr;
  const std::int8_t* weights = nullptr;  // [groups][group]
  std::int64_t groups = 0;
  std::int64_t group = 0;         // 1 to 32
  std::uint8_t* set = nullptr;    // [groups]: index of the set
  std::uint32_t* cost = nullptr;  // [groups]: J
};

// Joint rounding: each weight has two errors under a set, of which the group takes those with the least J.
//
// Groups of up to most_exhaustive weights: all choices, counting up with "second" for the first weight as the lowest
// bit; the first of least J. Larger groups: all first, then the one change that lowers J most, again and again; of
// equal ones that of the first weight. Between sets: the first of least J.
inline constexpr std::int64_t most_exhaustive = 8;

class JointSearchTable {
 public:
  // first, second: errors of a weight of -128 to 127 under a set, in [-255, 255].
  JointSearchTable(int sets, int numerator, int denominator, const std::function<int(int weight, int set)>& first,
                   const std::function<int(int weight, int set)>& second);

  int sets() const { return sets_; }
  int lanes() const { return lanes_; }  // sets rounded up to a multiple of 16; the others are never the least
  std::int32_t numerator() const { return numerator_; }
  std::int32_t denominator() const { return denominator_; }
  // `lanes` first errors, then `lanes` second ones.
  const std::int16_t* row(std::int8_t weight) const {
    return reinterpret_cast<const std::int16_t*>(lines_.data()) + static_cast<std::uint8_t>(weight) * 2 * lanes_;
  }

 private:
  int sets_, lanes_;
  std::int32_t numerator_, denominator_;
  std::vector<PackedLine> lines_;
};

struct JointSearchArgs {
  const JointSearchTable* table = nullptr;
  const std::int8_t* weights = nullptr;  // [groups][group]
  std::int64_t groups = 0;
  std::int64_t group = 0;         // 1 to 32
  std::uint8_t* set = nullptr;    // [groups]: index of the set
  std::int64_t* cost = nullptr;   // [groups]: J
  std::int16_t* error = nullptr;  // [groups][group]: of each weight
};

struct ShiftSearchKernel {
  const char* name;
  Isa isa;
  void (*run)(const ShiftSearchArgs& args);    // thread safe
  void (*joint)(const JointSearchArgs& args);  // thread safe
};

// The best kernel that a machine of level `isa` runs. A pure function of its argument.
const ShiftSearchKernel& select_shift_search(Isa isa);

// Every kernel of this build, best first, whether or not this machine can run it.
const std::vector<const ShiftSearchKernel*>& shift_search_kernels();

}  // namespace bitsieve
