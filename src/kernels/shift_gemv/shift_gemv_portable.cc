#include "kernels/rounding.h"
#include "kernels/shift_gemv/internal.h"

namespace bitsieve::shift_gemv {
namespace {

// Octet g of the eight that share set bytes: its eight weights. `plane` moves on to the next octet's.
void decode(const ShiftGemvView& view, const std::uint8_t* sets, const std::uint8_t* signs, std::int64_t g,
            const std::uint8_t*& plane, std::int32_t* weight) {
  const std::uint8_t* next = plane;
  for (int i = 0; i < 8; ++i) {
    const unsigned set = sets[view.sets == 2 && i >= 4 ? 8 + g : g];
    const std::uint8_t* from = plane;
    std::int32_t magnitude = 0;
    for (int at = 0; at < 8; ++at) {
      if ((set >> at & 1u) != 0) magnitude |= (*from++ >> i & 1) << (7 - at);
    }
    weight[i] = (signs[g] >> i & 1) != 0 ? -magnitude : magnitude;
    next = from > next ? from : next;
  }
  plane = next;
}

std::int32_t accumulate(const ShiftGemvArgs& args, std::int64_t n) {
  const ShiftGemvView& v = args.weights;
  const ShiftGemvPanel& panel = v.panels[n / shift_gemv_rows];
  std::int64_t before = 0, stride = 0;  // of row n in a block, and from block to block
  std::int64_t planes = 0;              // bytes of the planes of eight octets
  for (std::int64_t r = 0; r < shift_gemv_rows; ++r) {
    const std::int64_t bytes = panel.plain ? v.octets * 64 : v.sets * 8 + v.octets * (8 + 8 * panel.shifts[r]);
    if (r < n % shift_gemv_rows) before += bytes;
    if (r == n % shift_gemv_rows) planes = 8 * panel.shifts[r];
    stride += bytes;
  }
  std::uint32_t sum = static_cast<std::uint32_t>(v.bias[n]);  // unsigned: wraps like the other kernels
  for (std::int64_t block = 0; block < v.blocks; ++block) {
    const std::uint8_t* const row = v.data + panel.offset + block * stride + before;
    for (std::int64_t o = 0; o < v.octets; ++o) {
      const std::uint8_t* const signs = row + v.sets * 8 + o * (8 + planes);
      const std::uint8_t* plane = signs + 8;
      for (std::int64_t g = 0; g < 8; ++g) {
        std::int32_t weight[8];
        if (panel.plain) {
          for (int i = 0; i < 8; ++i) weight[i] = static_cast<std::int8_t>(row[o * 64 + g * 8 + i]);
        } else {
          decode(v, row, signs, g, plane, weight);
        }
        const std::int64_t column = ((block * 8 + g) * v.octets + o) * 8;
        for (std::int64_t i = 0; i < 8 && column + i < v.k; ++i) {
          const std::uint8_t byte = args.x[column + i];
          const std::int32_t x = args.signed_input ? static_cast<std::int8_t>(byte) : byte;
          sum += static_cast<std::uint32_t>(x * weight[i]);
        }
      }
    }
  }
  return static_cast<std::int32_t>(sum);
}

void run(const ShiftGemvArgs& args) {
  const Epilogue& e = args.epilogue;
  const auto lo = static_cast<float>(e.lo), hi = static_cast<float>(e.hi);
  for (std::int64_t n = args.first; n < args.last; ++n) {
    const std::int32_t acc = accumulate(args, n);
    const float multiplier = args.weights.multiplier[n];
    if (e.to_float) {
      float y = static_cast<float>(acc) * multiplier;
      y = y < e.clamp_lo ? e.clamp_lo : y;
      y = e.clamp_hi < y ? e.clamp_hi : y;
      static_cast<float*>(args.out)[n] = y;
    } else {
      static_cast<std::uint8_t*>(args.out)[n] = static_cast<std::uint8_t>(requantize_fast(acc, multiplier, lo, hi));
    }
  }
}

}  // namespace

const ShiftGemvKernel portable{"shift_gemv_portable", Isa::portable, false, false, pack, run};

}  // namespace bitsieve::shift_gemv
