// Matrix products on the arrays of rtl/bench, cut into tiles as the simulator cuts layers.
#pragma once
#include <Vsparq_systolic_bench.h>
#include <Vswis_single_bench.h>

#include <algorithm>
#include <vector>

#include "accel/elements/shift_planes.h"
#include "accel/elements/trim_round.h"
#include "accel/mapping.h"
#include "rtl_link/array_run.h"

namespace bitsieve::rtl {

// Activations [pixels][depth] and weights [filters][depth].
struct Product {
  std::int64_t pixels = 0, filters = 0, depth = 0;
  std::vector<std::uint8_t> x;
  std::vector<std::int8_t> w;

  int activation(std::int64_t pixel, std::int64_t k) const {
    return pixel < pixels && k < depth ? x[static_cast<std::size_t>(pixel * depth + k)] : 0;
  }
  int weight(std::int64_t filter, std::int64_t k) const {
    return filter < filters && k < depth ? w[static_cast<std::size_t>(filter * depth + k)] : 0;
  }
};

struct LayerRun {
  std::int64_t cycles = 0, draining = 0;  // as ArrayRun
  std::vector<std::int32_t> sums;         // [pixels][filters]
};

// steps(block): of a tile of that block of columns; set(block, first pixel, first filter, step).
template <class Design, class Steps, class Set>
LayerRun run_blocks(Clocked<Design>& design, const Form& form, const Product& p, Steps&& steps, Set&& set) {
  struct Place {
    std::int64_t block, pixel, filter;
  };
  std::vector<Tile> tiles;
  std::vector<Place> places;
  for (std::int64_t filter = 0, block = 0; filter < p.filters; filter += form.columns, ++block) {
    for (std::int64_t pixel = 0; pixel < p.pixels; pixel += form.rows) {
      tiles.push_back({static_cast<int>(std::min<std::int64_t>(form.rows, p.pixels - pixel)),
                       static_cast<int>(std::min<std::int64_t>(form.columns, p.filters - filter)), steps(block)});
      places.push_back({block, pixel, filter});
    }
  }
  const ArrayRun run = run_tiles(design, form, tiles, [&](std::size_t tile, std::int64_t step) {
    set(places[tile].block, places[tile].pixel, places[tile].filter, step);
  });
  LayerRun layer;
  layer.cycles = run.cycles;
  layer.draining = run.draining;
  layer.sums.resize(static_cast<std::size_t>(p.pixels * p.filters));
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    for (int r = 0; r < tiles[t].rows; ++r) {
      for (int c = 0; c < tiles[t].columns; ++c)
        layer.sums[static_cast<std::size_t>((places[t].pixel + r) * p.filters + places[t].filter + c)] =
            run.sums[t][static_cast<std::size_t>(r * tiles[t].columns + c)];
    }
  }
  return layer;
}

// The trim-and-round units of the forms of rtl/bench/sparq_systolic_bench.sv.
inline accel::TrimRound unit_of(const Form& form) {
  constexpr accel::TrimRound units[] = {
      {4, 4, false, true}, {4, 2, true, true}, {3, 1, true, true}, {4, 1, true, true}};
  return units[form.number % 4];
}

// Pairs along the depth.
inline LayerRun run_sparq(Clocked<Vsparq_systolic_bench>& design, const Form& form, const Product& p) {
  return run_blocks(
      design, form, p, [&](std::int64_t) { return accel::ceil_div(p.depth, 2); },
      [&](std::int64_t, std::int64_t pixel, std::int64_t filter, std::int64_t step) {
        for (int i = 0; i < 16; ++i) {
          const auto at = static_cast<std::size_t>(i);
          design->x[at] = static_cast<CData>(p.activation(pixel + i / 2, 2 * step + i % 2));
          design->w[at] = static_cast<CData>(p.weight(filter + i / 2, 2 * step + i % 2) & 255);
        }
      });
}

// Groups of four weights with shared positions; runs as in quant/shared_shifts.h: `run` weights are cut into groups
// together, the last one filled with zeros.
struct SwisGroups {
  std::int64_t run = 0;
  std::vector<std::uint8_t> set;  // [filters][groups of a filter]: byte of positions, the same number in each block

  std::int64_t of_run() const { return accel::ceil_div(run, 4); }
};

inline LayerRun run_swis(Clocked<Vswis_single_bench>& design, const Form& form, const Product& p,
                         const SwisGroups& code) {
  const std::int64_t groups = p.depth / code.run * code.of_run();
  // Where lane i of a group lies in the depth; -1: filled.
  const auto place = [&](std::int64_t group, std::int64_t i) {
    const std::int64_t in_run = group % code.of_run() * 4 + i;
    return in_run < code.run ? group / code.of_run() * code.run + in_run : -1;
  };
  std::vector<accel::ShiftPlanes> planes;
  for (std::int64_t f = 0; f < p.filters; ++f) {
    for (std::int64_t g = 0; g < groups; ++g) {
      std::array<std::int8_t, 4> w{};
      for (std::int64_t i = 0; i < 4; ++i) {
        if (place(g, i) >= 0) w[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(p.weight(f, place(g, i)));
      }
      planes.push_back(accel::shift_planes(w, code.set[static_cast<std::size_t>(f * groups + g)]));
    }
  }
  const auto shifts_of = [&](std::int64_t block) {
    return static_cast<std::int64_t>(planes[static_cast<std::size_t>(block * form.columns * groups)].planes.size());
  };
  return run_blocks(
      design, form, p, [&](std::int64_t block) { return shifts_of(block) * groups; },
      [&](std::int64_t block, std::int64_t pixel, std::int64_t filter, std::int64_t step) {
        const std::int64_t group = step / shifts_of(block);
        const auto plane = static_cast<std::size_t>(step % shifts_of(block));
        for (int i = 0; i < 32; ++i) {
          const std::int64_t k = place(group, i % 4);
          design->x[static_cast<std::size_t>(i)] = static_cast<CData>(k < 0 ? 0 : p.activation(pixel + i / 4, k));
        }
        for (int c = 0; c < 8; ++c) {
          const auto at = static_cast<std::size_t>(c);
          design->negative[at] = design->mask[at] = design->shift[at] = 0;
          if (filter + c >= p.filters) continue;
          const accel::ShiftPlanes& own = planes[static_cast<std::size_t>((filter + c) * groups + group)];
          design->negative[at] = static_cast<CData>(own.negative);
          design->mask[at] = static_cast<CData>(own.planes[plane].mask);
          design->shift[at] = static_cast<CData>(own.planes[plane].shift);
        }
      });
}

}  // namespace bitsieve::rtl
