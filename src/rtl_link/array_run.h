// Tiles on a verilated output-stationary array: operands go in when it takes them, sums come out where it puts them,
// and cycles are counted.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "rtl_link/clocked.h"

namespace bitsieve::rtl {

// What rtl/bench has arrays of: four sizes, each serial and overlapped (specification of accelerators: drain modes).
struct Form {
  int number;  // the bench's
  int rows, columns;
  bool overlapped;
};
inline constexpr Form forms[] = {{0, 1, 1, false}, {1, 2, 3, false}, {2, 4, 4, false}, {3, 8, 8, false},
                                 {4, 1, 1, true},  {5, 2, 3, true},  {6, 4, 4, true},  {7, 8, 8, true}};

struct Tile {
  int rows, columns;   // at most the array's
  std::int64_t steps;  // T: 1 to 65535
};

struct ArrayRun {
  // As Parameters::drain of accel counts: from the first cycle with an operand to the last shift of a serial array, or
  // to the last one of an element's work for the last tile.
  std::int64_t cycles = 0;
  std::int64_t draining = 0;                    // of these, in which a serial array shifts
  std::vector<std::vector<std::int32_t>> sums;  // of each tile, [rows][columns]
};

// set(tile, step): writes the operands of a step to the design's ports.
template <class Design, class Set>
ArrayRun run_tiles(Clocked<Design>& design, const Form& form, std::span<const Tile> tiles, Set&& set) {
  design->form = static_cast<CData>(form.number);
  design->tile_valid = 0;
  design->reset = 1;
  design.tick();
  design->reset = 0;

  ArrayRun run;
  for (const Tile& tile : tiles) run.sums.emplace_back(static_cast<std::size_t>(tile.rows * tile.columns), 0);
  std::size_t next = 0;   // tile to give
  std::int64_t step = 0;  // of the one before
  std::int64_t cycle = 0, started = -1, wave = 0;
  std::vector<std::int64_t> out(static_cast<std::size_t>(form.columns), 0);  // sums that each column has let go
  std::size_t out_tile = 0;                                                  // serial: whose sums come
  for (;; ++cycle) {
    design->tile_valid = next < tiles.size() ? 1 : 0;
    if (next < tiles.size()) {
      design->tile_steps = static_cast<SData>(tiles[next].steps);
      design->tile_rows = static_cast<CData>(tiles[next].rows);
      design->tile_columns = static_cast<CData>(tiles[next].columns);
    }
    design.settle();
    if (design->tile_taken != 0) {
      if (started < 0) started = cycle;
      ++next;
      step = 0;
    }
    if (design->take != 0) {
      set(next - 1, step++);
      design.settle();
    }
    if (!form.overlapped && design->sum_valid[0] != 0) ++run.draining;
    for (int c = 0; c < form.columns; ++c) {
      if (design->sum_valid[static_cast<std::size_t>(c)] == 0) continue;
      std::int64_t& count = out[static_cast<std::size_t>(c)];
      std::size_t tile = out_tile;
      int row = static_cast<int>(count);
      if (form.overlapped) {
        tile = static_cast<std::size_t>(count / form.rows);
        row = form.rows - 1 - static_cast<int>(count % form.rows);
      }
      ++count;
      if (tile < tiles.size() && row < tiles[tile].rows && c < tiles[tile].columns)
        run.sums[tile][static_cast<std::size_t>(row * tiles[tile].columns + c)] =
            static_cast<std::int32_t>(design->sum[static_cast<std::size_t>(c)]);
    }
    if (!form.overlapped && out_tile < tiles.size() && out[0] == tiles[out_tile].rows) {
      out.assign(out.size(), 0);
      if (++out_tile == tiles.size()) {
        run.cycles = cycle + 1 - started;
        design.tick();
        return run;
      }
    }
    if (form.overlapped) {
      // The wave behind a tile is at the last element in the cycle after its work.
      if (design->corner_done != 0 && static_cast<std::size_t>(++wave) == tiles.size()) run.cycles = cycle - started;
      bool all = run.cycles > 0;
      for (const std::int64_t count : out) all = all && count == static_cast<std::int64_t>(tiles.size()) * form.rows;
      if (all) return run;
    }
    design.tick();
    if (cycle > std::int64_t{1} << 40) return run;
  }
}

}  // namespace bitsieve::rtl
