#include "methods/swis/shift_sets.h"

#include <bit>
#include <cstdlib>

namespace bitsieve::swis {

std::vector<std::uint8_t> sets_of(int n, bool consecutive) {
  std::vector<std::uint8_t> sets;
  for (unsigned set = 1; set < 256; ++set) {
    if (std::popcount(set) != n) continue;
    if (consecutive && (set >> std::countr_zero(set)) != (1u << n) - 1) continue;
    sets.push_back(static_cast<std::uint8_t>(set));
  }
  return sets;
}

int floor_magnitude(int u, std::uint8_t set) {
  int fl = 0;
  for (int p = 7; p >= 0; --p) {
    if ((set >> p & 1) != 0 && fl + (1 << p) <= u) fl += 1 << p;
  }
  return fl;
}

int ceiling_magnitude(int u, std::uint8_t set) {
  const int fl = floor_magnitude(u, set);
  if (fl == u || fl == set) return fl;
  return ((fl | (~set & 0xff)) + 1) & set;  // the next submask: count on through the positions of the set alone
}

int nearest_magnitude(int u, std::uint8_t set) {
  const int fl = floor_magnitude(u, set), ce = ceiling_magnitude(u, set);
  return ce - u < u - fl ? ce : fl;
}

int nearest_weight(int w, std::uint8_t set, bool int8) {
  const int u = std::abs(w);
  const int q = nearest_magnitude(u, set);
  if (w < 0) return -q;
  return int8 && q > 127 ? floor_magnitude(u, set) : q;
}

int masked_weight(int w, std::uint8_t set) {
  const int q = std::abs(w) & set;
  return w < 0 ? -q : q;
}

}  // namespace bitsieve::swis
