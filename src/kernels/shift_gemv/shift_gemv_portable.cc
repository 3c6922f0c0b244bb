#include <bit>

#include "kernels/rounding.h"
#include "kernels/shift_gemv/internal.h"

namespace bitsieve::shift_gemv {
namespace {

// One row of one block: its weights in the order of its octets.
using Block = std::int32_t[256];

void decode_plain(const ShiftGemvView& view, const std::uint8_t* panel, std::int64_t r, Block& weight) {
  for (std::int64_t i = 0; i < view.octets * 64; ++i)
    weight[i] = static_cast<std::int8_t>(panel[r * view.octets * 64 + i]);
}

void decode_octets(const ShiftGemvView& view, const std::uint8_t* shifts, const std::uint8_t* panel, std::int64_t r,
                   Block& weight) {
  const std::uint8_t* sets = panel;
  for (std::int64_t before = 0; before < r; ++before) sets += 8 + view.octets * (8 + 8 * shifts[before]);
  for (std::int64_t octet = 0; octet < view.octets * 8; ++octet) {
    const std::int64_t o = octet / 8, g = octet % 8;
    const std::uint8_t* const signs = sets + 8 + o * (8 + 8 * shifts[r]);
    const std::uint8_t* plane = signs + 8;
    for (std::int64_t before = 0; before < g; ++before) plane += std::popcount(sets[before]);
    for (int i = 0; i < 8; ++i) {
      const std::uint8_t* from = plane;
      std::int32_t magnitude = 0;
      for (int at = 0; at < 8; ++at) {
        if ((sets[g] >> at & 1) != 0) magnitude |= (*from++ >> i & 1) << (7 - at);
      }
      weight[octet * 8 + i] = (signs[g] >> i & 1) != 0 ? -magnitude : magnitude;
    }
  }
}

void decode_quads(int shifts, const std::uint8_t* panel, std::int64_t r, Block& weight) {
  const QuadForm form{shifts};
  const std::uint8_t* const row = panel + r * form.row_bytes();
  for (std::int64_t c = 0; c < 256; ++c) {
    const std::uint8_t code = row[form.code_byte(c)];
    std::int32_t magnitude = 0;
    int j = 0;
    for (unsigned left = row[form.set_byte(c)]; left != 0; left &= left - 1, ++j)
      magnitude |= (code >> form.code_bit(c, j) & 1) << std::countr_zero(left);
    const int sign = form.sign_in_code() ? code >> form.code_bit(c, shifts) : panel[form.sign_byte(r, c)] >> c % 8;
    weight[c] = (sign & 1) != 0 ? -magnitude : magnitude;
  }
}

std::int64_t panel_bytes(const ShiftGemvView& view, const ShiftGemvPanel& panel) {
  if (panel.plain) return shift_gemv_rows * view.octets * 64;
  if (view.quads) return QuadForm{panel.shifts[0]}.panel_bytes();
  std::int64_t bytes = 0;
  for (const std::uint8_t shifts : panel.shifts) bytes += 8 + view.octets * (8 + 8 * shifts);
  return bytes;
}

std::int32_t accumulate(const ShiftGemvArgs& args, std::int64_t n) {
  const ShiftGemvView& v = args.weights;
  const ShiftGemvPanel& panel = v.panels[n / shift_gemv_rows];
  const std::int64_t r = n % shift_gemv_rows, octets = 8 * v.octets, bytes = panel_bytes(v, panel);
  std::uint32_t sum = static_cast<std::uint32_t>(v.bias[n]);  // unsigned: wraps like the other kernels
  for (std::int64_t block = 0; block < v.blocks; ++block) {
    const std::uint8_t* const from = v.data + panel.offset + block * bytes;
    Block weight;
    if (panel.plain) {
      decode_plain(v, from, r, weight);
    } else if (v.quads) {
      decode_quads(panel.shifts[0], from, r, weight);
    } else {
      decode_octets(v, panel.shifts, from, r, weight);
    }
    for (std::int64_t octet = 0; octet < octets; ++octet) {
      const std::int64_t column = octet_column(v, block * octets + octet);
      for (std::int64_t i = 0; i < 8 && column + i < v.k; ++i) {
        const std::uint8_t byte = args.x[column + i];
        const std::int32_t x = args.signed_input ? static_cast<std::int8_t>(byte) : byte;
        sum += static_cast<std::uint32_t>(x * weight[octet * 8 + i]);
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
