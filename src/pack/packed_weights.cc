#include "pack/packed_weights.h"

#include "base/error.h"

namespace bitsieve::pack {

std::uint64_t packed_size(std::int64_t count, int bits) {
  return (static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(bits) + 7) / 8;
}

std::string pack_weights(std::span<const std::int8_t> weights, int bits) {
  std::string bytes;
  bytes.reserve(packed_size(static_cast<std::int64_t>(weights.size()), bits));
  const unsigned mask = (1u << bits) - 1;
  unsigned held = 0;  // bits not yet written, the first lowest
  int count = 0;
  for (const std::int8_t weight : weights) {
    held |= (static_cast<unsigned>(weight) & mask) << count;
    count += bits;
    for (; count >= 8; count -= 8, held >>= 8) bytes += static_cast<char>(held & 0xff);
  }
  if (count > 0) bytes += static_cast<char>(held);
  return bytes;
}

std::vector<std::int8_t> unpack_weights(std::string_view bytes, std::int64_t count, int bits) {
  if (bytes.size() != packed_size(count, bits)) {
    fail("{} bytes for {} weights of {} bits", bytes.size(), count, bits);
  }
  std::vector<std::int8_t> weights(static_cast<std::size_t>(count));
  const unsigned mask = (1u << bits) - 1, sign = 1u << (bits - 1);
  unsigned held = 0;
  int have = 0;
  std::size_t at = 0;
  for (std::int8_t& weight : weights) {
    if (have < bits) {
      held |= static_cast<unsigned>(static_cast<unsigned char>(bytes[at++])) << have;
      have += 8;
    }
    const unsigned code = held & mask;
    weight = static_cast<std::int8_t>(static_cast<int>(code ^ sign) - static_cast<int>(sign));
    held >>= bits;
    have -= bits;
  }
  if (held != 0) fail("the bits after the last of {} weights are not zero", count);
  return weights;
}

}  // namespace bitsieve::pack
