// Tensor-core-like units (specification of SPARQ, D.5): a tile of rows x columns outputs, with `lanes` products of each
// a cycle. SPARQ's do twice as many where activations are windows; sparse ones take two weights of each group of four,
// with multiplexers before the multipliers (D.6), where no group of a layer has more.
#include <fmt/format.h>

#include <array>

#include "accel/elements/dot_product_element.h"
#include "accel/elements/sparse_dot_product_element.h"
#include "accel/machines/pairs.h"
#include "accel/machines/rows.h"
#include "accel/mapping.h"
#include "accel/values.h"

namespace bitsieve::accel {
namespace {

// `positions` of a filter a cycle. What is left to the caller: operations, of `work` cycles of units.
struct Tiles {
  Timing timing;
  double work = 0;
};

Tiles time_tiles(const Layer& layer, const Parameters& p, std::int64_t positions, double bits_of_weight) {
  const std::int64_t together =
      layer.depthwise() && p.depthwise == Depthwise::separate ? layer.filters : layer.filters_of_group();
  const std::int64_t tiles =
      ceil_div(layer.pixels, p.rows) * ceil_div(together, p.columns) * (layer.filters / together);
  const std::int64_t steps = ceil_div(layer.depth(), positions);
  Timing timing;
  timing.cycles = ceil_div(tiles, p.units) * steps;
  timing.busy = static_cast<double>(layer.macs());
  timing.slots = static_cast<double>(timing.cycles) * static_cast<double>(p.units * p.rows * p.columns * positions);
  const auto depth = static_cast<double>(layer.depth());
  // Columns of the same activations share them; rows and columns without an output read nothing.
  const std::int64_t blocks = streams(layer, p, ceil_div(together, p.columns) * (layer.filters / together));
  timing.counts["activation-buffer-bit"] += 8 * depth * static_cast<double>(layer.pixels * blocks);
  timing.counts["weight-buffer-bit"] +=
      bits_of_weight * depth * static_cast<double>(layer.filters * ceil_div(layer.pixels, p.rows));
  timing.counts["activation-buffer-write-bit"] += 8.0 * static_cast<double>(layer.output_values);
  return {timing, static_cast<double>(layer.pixels * layer.filters * steps)};
}

// element: as rtl/ has it, of four multipliers or pairs.
void count_element(Tiles& tiles, const std::string& element, std::int64_t lanes) {
  if (lanes == dot_products) tiles.timing.counts[fmt::format("element-{}", element)] += tiles.work;
}

Timing multiply(Tiles tiles, const char* element, std::int64_t multipliers) {
  count_element(tiles, element, multipliers);
  const double products = tiles.work * static_cast<double>(multipliers);
  tiles.timing.counts["mul-8x8"] += products;
  tiles.timing.counts["add-32"] += products;
  return std::move(tiles.timing);
}

Timing multiply_pairs(Tiles tiles, const char* element, const Parameters& p) {
  count_element(tiles, fmt::format("{}-{}", element, to_string(p.windows)), p.lanes);
  const double pairs = tiles.work * static_cast<double>(p.lanes);
  tiles.timing.counts["mul-4x8"] += 2 * pairs;
  tiles.timing.counts["shift-16"] += 2 * pairs;
  tiles.timing.counts["add-16"] += pairs;
  tiles.timing.counts["add-32"] += pairs;
  return std::move(tiles.timing);
}

// Kept weights with two bits of index each, of every group of four: half of 8 + 2 bits a position.
constexpr double kept_bits = 5;

}  // namespace

Timing time_dot_product(const Layer& layer, const Parameters& p) {
  return multiply(time_tiles(layer, p, p.lanes, 8), "dot-product", p.lanes);
}

Timing time_sparq_dot_product(const Layer& layer, const Parameters& p) {
  element_for(layer, p);
  const bool windows = layer.narrow();
  Timing timing = multiply_pairs(time_tiles(layer, p, (windows ? 2 : 1) * p.lanes, 8), "sparq-dot-product", p);
  // Cut once for all columns of a tile. Counted where the element is: a table takes both, or the operations of neither.
  if (p.lanes == dot_products)
    timing.counts[fmt::format("element-trim-round-{}", to_string(p.windows))] +=
        timing.counts["activation-buffer-bit"] / 8 / (windows ? 2 : 1);
  return timing;
}

Timing time_sparse_dot_product(const Layer& layer, const Parameters& p) {
  const bool sparse = two_of_four(layer, p.name);
  return multiply(time_tiles(layer, p, (sparse ? 2 : 1) * p.lanes, sparse ? kept_bits : 8), "sparse-dot-product",
                  p.lanes);
}

// Windows of kept weights are cut behind the multiplexers; other windows are pairs of neighbours, whatever the weights.
Timing time_sparq_sparse_dot_product(const Layer& layer, const Parameters& p) {
  element_for(layer, p);
  const bool sparse = two_of_four(layer, p.name) && (layer.windows_of_kept || !layer.windows);
  const std::int64_t positions = (sparse ? 2 : 1) * (layer.narrow() ? 2 : 1) * p.lanes;
  return multiply_pairs(time_tiles(layer, p, positions, sparse ? kept_bits : 8), "sparq-sparse-dot-product", p);
}

namespace {

template <std::size_t n>
std::array<int, n> four(std::span<const int> values, std::size_t from) {
  std::array<int, n> result{};
  for (std::size_t i = 0; i < n && from + i < values.size(); ++i) result[i] = values[from + i];
  return result;
}

std::vector<int> wide(std::span<const std::int8_t> weights) { return {weights.begin(), weights.end()}; }

// Cycles of a unit that takes so many a cycle.
std::int64_t cycles_of(std::size_t count, std::int64_t a_cycle) {
  return ceil_div(static_cast<std::int64_t>(count), a_cycle);
}

// Units of any number of lanes add as four by four do.
Output output_of_pairs(const std::vector<Pair>& pairs, const Parameters& p) {
  SparqDotProductElement element;
  for (std::size_t i = 0; i < pairs.size(); i += dot_products) {
    std::array<WindowPair, dot_products> lanes{};
    std::array<int, 2 * dot_products> weights{};
    for (std::size_t k = 0; k < dot_products && i + k < pairs.size(); ++k) {
      lanes[k] = pairs[i + k].lanes;
      weights[2 * k] = pairs[i + k].w1;
      weights[2 * k + 1] = pairs[i + k].w2;
    }
    element.cycle(lanes, weights, i == 0);
  }
  return {element.sum, cycles_of(pairs.size(), p.lanes)};
}

}  // namespace

Output output_dot_product(const Operands& o, const Parameters& p) {
  const std::vector<int> weights = wide(o.weights);
  DotProductElement element;
  for (std::size_t k = 0; k < o.used.size(); k += dot_products)
    element.cycle(four<dot_products>(o.used, k), four<dot_products>(weights, k), k == 0);
  return {element.sum, cycles_of(o.used.size(), p.lanes)};
}

Output output_sparq_dot_product(const Operands& o, const Parameters& p) { return output_of_pairs(pairs_of(o), p); }

Output output_sparse_dot_product(const Operands& o, const Parameters& p) {
  if (!o.two_of_four) return output_dot_product(o, p);
  const std::vector<int> weights = wide(o.weights);
  SparseDotProductElement element;
  for (std::size_t k = 0; k < o.used.size(); k += 4 * dot_products / 2) {
    std::array<std::array<int, 4>, dot_products / 2> x{};
    std::array<KeptWeights, dot_products / 2> kept{};
    for (std::size_t g = 0; g < x.size(); ++g) {
      x[g] = four<4>(o.used, k + 4 * g);
      kept[g] = keep_two(four<4>(weights, k + 4 * g));
    }
    element.cycle(x, kept, k == 0);
  }
  return {element.sum, cycles_of(o.used.size(), 2 * p.lanes)};
}

// 8-bit values behind the multiplexers take a pair's two lanes each.
Output output_sparq_sparse_dot_product(const Operands& o, const Parameters& p) {
  if (!o.two_of_four || (o.layer.windows && !o.layer.windows_of_kept)) return output_of_pairs(pairs_of(o), p);
  const TrimRound plain{.bits = 4, .step = 4, .round = false, .pairs = false}, halves;
  const std::vector<int> weights = wide(o.weights);
  std::vector<Pair> pairs;
  for (std::size_t k = 0; k < o.read.size(); k += 4) {
    const KeptWeights kept = keep_two(four<4>(weights, k));
    const std::array<int, 2> x = facing(four<4>(o.read, k), kept);
    if (o.layer.narrow()) {
      pairs.push_back(cut_pair(x[0], kept.w[0], x[1], kept.w[1], o.unit ? *o.unit : plain));
    } else {
      for (std::size_t i = 0; i < 2; ++i) pairs.push_back(cut_pair(x[i], kept.w[i], 0, 0, halves));
    }
  }
  Output output = output_of_pairs(pairs, p);
  // A group at the end that is not full takes as long as a full one.
  output.cycles = cycles_of(o.read.size(), (o.layer.narrow() ? 4 : 2) * p.lanes);
  return output;
}

}  // namespace bitsieve::accel
