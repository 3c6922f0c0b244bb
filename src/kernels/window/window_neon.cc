// NEON: a 256-byte table is four look-ups in tables of 64 entries, of which each leaves the indices of the others
// alone.
#include <arm_neon.h>

#include "kernels/window/internal.h"

namespace bitsieve::window {
namespace {

template <Lone kLone>
class Lookup {
 public:
  static constexpr std::int64_t kWidth = 16;

  explicit Lookup(const WindowTables& tables) {
    const std::uint8_t* lone = kLone == Lone::by_table || kLone == Lone::by_magnitude ? tables.lone : tables.pair;
    for (int i = 0; i < 16; ++i) {
      pair_[i / 4].val[i % 4] = vld1q_u8(tables.pair + i * 16);
      lone_[i / 4].val[i % 4] = vld1q_u8(lone + i * 16);
    }
  }

  static uint8x16_t load(const std::uint8_t* from) { return vld1q_u8(from); }
  static void store(std::uint8_t* to, uint8x16_t v) { vst1q_u8(to, v); }
  static uint8x16_t load_part(const std::uint8_t* from, std::int64_t n) {
    std::uint8_t spare[kWidth] = {};
    __builtin_memcpy(spare, from, static_cast<unsigned long>(n));
    return load(spare);
  }
  static void store_part(std::uint8_t* to, uint8x16_t v, std::int64_t n) {
    std::uint8_t spare[kWidth];
    store(spare, v);
    __builtin_memcpy(to, spare, static_cast<unsigned long>(n));
  }
  static uint8x16_t swap(uint8x16_t x) { return vrev16q_u8(x); }

  uint8x16_t apply(uint8x16_t x, uint8x16_t partner) const {
    if (kLone == Lone::as_pair) return pair(x);
    return vbslq_u8(vceqzq_u8(partner), kLone == Lone::itself ? x : lone(x), pair(x));
  }
  uint8x16_t pair(uint8x16_t x) const { return look_up(pair_, x); }
  uint8x16_t lone(uint8x16_t x) const { return look_up(lone_, x); }

 private:
  // tbx keeps what its index finds nothing for: indices of 64 and more, and what wraps below 0.
  static uint8x16_t look_up(const uint8x16x4_t* table, uint8x16_t x) {
    uint8x16_t found = vqtbl4q_u8(table[0], x);
    found = vqtbx4q_u8(found, table[1], vsubq_u8(x, vdupq_n_u8(64)));
    found = vqtbx4q_u8(found, table[2], vsubq_u8(x, vdupq_n_u8(128)));
    return vqtbx4q_u8(found, table[3], vsubq_u8(x, vdupq_n_u8(192)));
  }

  uint8x16x4_t pair_[4], lone_[4];
};

#include "kernels/window/loops.inc"

}  // namespace

const WindowKernel neon{"window_neon", Isa::neon, false, adjacent<Lookup>, spread<Lookup>};

}  // namespace bitsieve::window
