#pragma once
#include "kernels/shift_search/shift_search.h"

namespace bitsieve::shift_search {

// One group in 64 bits: the plain form, and what the others fall back on.
void search_group(const ShiftSearchTable& table, const std::int8_t* weights, std::int64_t group, std::uint8_t* set,
                  std::uint32_t* cost);

void joint_portable(const JointSearchArgs& args);
void joint_avx2(const JointSearchArgs& args);
void joint_avx512vnni(const JointSearchArgs& args);

extern const ShiftSearchKernel portable, avx2, avx512vnni;

}  // namespace bitsieve::shift_search
