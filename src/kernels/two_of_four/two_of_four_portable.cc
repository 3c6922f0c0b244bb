#include "kernels/two_of_four/internal.h"

namespace bitsieve::two_of_four {

void expand_portable(const WindowPlanes& planes, std::int64_t groups, std::uint8_t* out) {
  const std::int64_t alone = planes.alone ? 2 * planes.distance : 0;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::uint8_t* const four = planes.value + 4 * g;
    for (std::int64_t i = 0; i < bytes_of_four; ++i) {
      const bool lone = partner_of[i] == nothing || four[partner_of[i]] == 0;
      *out++ = four[value_of[i] + (lone ? alone : planes.distance)];
    }
  }
}

}  // namespace bitsieve::two_of_four
