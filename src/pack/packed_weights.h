// Weights at the number of bits their code needs.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bitsieve::pack {

// Bytes of `count` weights of `bits` bits; bits 2 to 8, count up to 2^40.
std::uint64_t packed_size(std::int64_t count, int bits);

// Two's complement numbers of `bits` bits one after the other, the first in the lowest bits of the first byte; the bits
// left in the last byte are 0. Every weight must fit: -2^(bits-1) to 2^(bits-1) - 1.
std::string pack_weights(std::span<const std::int8_t> weights, int bits);

// The inverse. Throws Error when `bytes` is not packed_size(count, bits) long or the left-over bits are not 0.
std::vector<std::int8_t> unpack_weights(std::string_view bytes, std::int64_t count, int bits);

}  // namespace bitsieve::pack
