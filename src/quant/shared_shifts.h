// Weights of shared shifts: a group of weights has one set of bit positions, and the magnitude of every weight of the
// group is a sum of some of them (SWIS; specification of SWIS, A.2). Layers truncated to one window of bits, or to one
// set of positions, are such codes too, with one group for the whole layer (A.8).
//
// The integers themselves stay in LayerCode::weight; this says how they are stored and how many shifts they cost.
//
// A weight is an int8. Position 7 is legal, and -128 is a weight, but +128 is not: where rounding up would give +128,
// the next smaller sum of positions is taken, and every search counts that error. So the reference, the kernels, the
// packed file, an exported model and an accelerator all meet the same int8 numbers, and none of them needs a ninth bit.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bitsieve {

struct SharedShifts {
  // M, weights of a group: 1, 2, 4, 8, 16 or 32. 0: the layer has no such code. With one_group: not read.
  std::int64_t group = 0;
  // So many weights in K order are cut into groups together, the last group filled with zeros: the input channels of a
  // tap, or the whole filter. Divides K.
  std::int64_t run = 0;
  bool one_group = false;    // the whole layer is one group
  bool consecutive = false;  // positions o, o + 1, ... : SWIS-C
  // C, filters that run at the same time and so share a number of shifts; 0: all of the layer.
  std::int64_t columns = 0;
  std::vector<std::uint8_t> shifts = {};   // N of every block of C filters, in the order they run: 1 to 8
  std::vector<std::uint32_t> filter = {};  // which filter runs when; empty: in the model's order
  std::vector<std::uint8_t> set = {};      // bytes B of positions: [O][groups_of_filter], or one

  bool active() const { return group > 0 || one_group; }
  bool operator==(const SharedShifts&) const = default;
};

// Groups of one filter of k weights; 1 where the layer is one group.
std::int64_t groups_of_filter(const SharedShifts& code, std::int64_t k);
// Which of `set` holds weight i, in K order, of filter o.
std::size_t group_of_weight(const SharedShifts& code, std::int64_t k, std::int64_t o, std::int64_t i);
// Weights of a group, padding included: M, or all of the layer.
std::int64_t group_size(const SharedShifts& code, std::int64_t outputs, std::int64_t k);
// Blocks of C filters.
std::int64_t filter_blocks(const SharedShifts& code, std::int64_t outputs);
std::int64_t filters_of_block(const SharedShifts& code, std::int64_t outputs, std::int64_t block);
// N of every filter, in the model's order.
std::vector<std::uint8_t> shifts_of_filters(const SharedShifts& code, std::int64_t outputs);

// Bits of one group: signs, masks and positions (specification of SWIS, A.7): M (1 + N) + 3 N, or 3 for one offset.
std::int64_t bits_of_group(const SharedShifts& code, std::int64_t size, int shifts);
// Bytes in a file: the schedule where there is one (4 bits a block, then ceil(log2 O) bits a filter, each list filled
// to whole bytes), then the groups of each block, filled to whole bytes.
std::int64_t schedule_bytes(const SharedShifts& code, std::int64_t outputs);
std::int64_t stored_bytes(const SharedShifts& code, std::int64_t outputs, std::int64_t k);
// Whether blocks have numbers of shifts of their own, or an order.
bool is_scheduled(const SharedShifts& code);

// Cycles that a processing element with one shifter spends on a weight: the mean of N over the blocks. A last block
// that is not full takes as long as the others (specification of SWIS, A.6).
double mean_shifts(const SharedShifts& code);

}  // namespace bitsieve
