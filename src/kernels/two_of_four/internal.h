#pragma once
#include "kernels/two_of_four/two_of_four.h"

namespace bitsieve::two_of_four {

// For each of the sixteen bytes, which of the four inputs it codes, and beside which; nothing: beside a zero.
inline constexpr std::uint8_t nothing = 0x80;  // where pshufb writes zeros
inline constexpr std::uint8_t value_of[bytes_of_four] = {0, 1, 0, 2, 0, 3, 1, 2, 1, 3, 2, 3, 0, 1, 2, 3};
inline constexpr std::uint8_t partner_of[bytes_of_four] = {1, 0, 2, 0, 3,       0,       2,       1,
                                                           3, 1, 3, 2, nothing, nothing, nothing, nothing};

void expand_portable(const WindowPlanes& planes, std::int64_t groups, std::uint8_t* out);
void expand_avx2(const WindowPlanes& planes, std::int64_t groups, std::uint8_t* out);
void expand_avx512vnni(const WindowPlanes& planes, std::int64_t groups, std::uint8_t* out);

// [n][taps * depth / 4 * bytes_of_four]: the weights that an output channel keeps, where their inputs are, and zeros.
std::optional<std::vector<std::int8_t>> expand_weights(const QGemmSource& source);

// Where the kept inputs are, and their weights. Per 16 columns, per group, for each 8 of the columns a line: places
// (of the first kept input, nothing, of the second, nothing) for each column, then their weights as int16.
std::optional<QGemmWeights> pack_places(const QGemmSource& source);
void run_avx2(const QGemmArgs& args);
void run_avxvnni(const QGemmArgs& args);

// The same for kernels that go through `groups` groups of a tap at a time (the last of them may not be there), in
// `picks` parts of one or two groups: per 16 columns, per step, per pick, a line of places among the expanded bytes of
// the step, four for each column and two for each group, and a line of weights.
std::optional<QGemmWeights> pack_picks(const QGemmSource& source, std::int64_t groups, std::int64_t picks);
void run_avx512vnni(const QGemmArgs& args);
void run_avx512vbmi(const QGemmArgs& args);

}  // namespace bitsieve::two_of_four
