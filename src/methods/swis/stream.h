// How weights of shared shifts are stored: the plane order of the specification of SWIS, A.7, so that a decoder is a
// shift register and a plane is one cycle of a processing element.
//
//   SWIS:   sign[0..M-1]; for j = 0..N-1, ascending positions: shift_j[0..2], mask_j[0..M-1]
//   SWIS-C: sign[0..M-1]; offset[0..2]; for j = 0..N-1: mask_j[0..M-1]
//
// Bits fill bytes from the lowest; groups follow each other without gaps, filter after filter as they run; each block
// of filters is filled to a byte. A layer with a schedule starts with it: 4 bits a block, its number of shifts; then
// the number of each filter as they run, in ceil(log2 O) bits; each list filled to a byte.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quant/shared_shifts.h"

namespace bitsieve::swis {

// weights [outputs][k] in the model's order, each one's magnitude a submask of its group's set.
// The result has stored_bytes(code, outputs, k) bytes.
std::string encode_stream(const SharedShifts& code, std::span<const std::int8_t> weights, std::int64_t outputs);

// The inverse: `code` comes with everything but set, and with schedule filled where `scheduled`, else with shifts[0].
// Checks the size before anything is allocated, and that there is one way to write it: signs of zeros, padding weights
// and left-over bits are 0, positions ascend, no weight is +128. Throws Error.
std::vector<std::int8_t> decode_stream(std::string_view bytes, bool scheduled, SharedShifts& code, std::int64_t outputs,
                                       std::int64_t k);

}  // namespace bitsieve::swis
