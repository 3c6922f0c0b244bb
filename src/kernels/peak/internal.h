#pragma once

namespace bitsieve::peak {

// So many rounds of independent multiplications and additions; the result is of no use but to keep them.
long long spin_avx512vnni(long long rounds);       // 2048 operations a round
long long spin_avxvnni(long long rounds);          // 768
long long spin_avx2_saturating(long long rounds);  // 512
long long spin_avx2_widened(long long rounds);     // 256

}  // namespace bitsieve::peak
