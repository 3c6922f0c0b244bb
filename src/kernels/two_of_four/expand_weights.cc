#include <algorithm>

#include "kernels/two_of_four/internal.h"

namespace bitsieve {
namespace {

// The place of input i's weight where the channel keeps input `other` as well, or none.
std::int64_t place(std::int64_t i, std::int64_t other) {
  const auto wanted = other < 0 ? two_of_four::nothing : static_cast<std::uint8_t>(other);
  std::int64_t at = 0;
  while (two_of_four::value_of[at] != i || two_of_four::partner_of[at] != wanted) ++at;
  return at;
}

}  // namespace

std::optional<std::vector<std::int8_t>> expand_weights(const std::int8_t* weight, std::int64_t n, std::int64_t k) {
  const std::int64_t groups = (k + 3) / 4;
  std::vector<std::int8_t> expanded(static_cast<std::size_t>(n * groups * bytes_of_four));
  for (std::int64_t o = 0; o < n; ++o) {
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::int8_t* four = weight + o * k + 4 * g;
      std::int64_t kept[2] = {-1, -1}, count = 0;
      for (std::int64_t i = 0; i < std::min<std::int64_t>(4, k - 4 * g); ++i) {
        if (four[i] == 0) continue;
        if (count == 2) return std::nullopt;
        kept[count++] = i;
      }
      std::int8_t* to = expanded.data() + (o * groups + g) * bytes_of_four;
      for (std::int64_t c = 0; c < count; ++c) to[place(kept[c], kept[1 - c])] = four[kept[c]];
    }
  }
  return expanded;
}

}  // namespace bitsieve
