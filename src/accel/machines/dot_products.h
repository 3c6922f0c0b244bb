// What the tensor-core-like units share (specification of SPARQ, D.5 and D.6): a tile of rows x columns outputs, with
// `lanes` products of each a cycle.
#pragma once
#include <array>
#include <span>
#include <string>
#include <vector>

#include "accel/elements/dot_product_element.h"
#include "accel/machines/pairs.h"
#include "accel/machines/rows.h"
#include "accel/mapping.h"

namespace bitsieve::accel {

// `positions` of a filter a cycle. What is left to the caller: operations, of `work` cycles of units.
struct Tiles {
  Timing timing;
  double work = 0;
};
Tiles time_tiles(const Layer& layer, const Parameters& parameters, std::int64_t positions, double bits_of_weight);

// Operations of all products, and the cycles of `element` where rtl/ has it: four multipliers or pairs.
Timing multiply(Tiles tiles, const char* element, std::int64_t multipliers);
Timing multiply_pairs(Tiles tiles, const char* element, const Parameters& parameters);

// Kept weights with two bits of index each, of every group of four: half of 8 + 2 bits a position.
inline constexpr double kept_bits = 5;

// Values from `from` on, zeros behind the last.
template <std::size_t n>
std::array<int, n> four(std::span<const int> values, std::size_t from) {
  std::array<int, n> result{};
  for (std::size_t i = 0; i < n && from + i < values.size(); ++i) result[i] = values[from + i];
  return result;
}

std::vector<int> wide(std::span<const std::int8_t> weights);

// Cycles of a unit that takes so many a cycle.
std::int64_t cycles_of(std::size_t count, std::int64_t a_cycle);

// Units of any number of lanes add as four by four do.
Output output_of_pairs(const std::vector<Pair>& pairs, const Parameters& parameters);

}  // namespace bitsieve::accel
