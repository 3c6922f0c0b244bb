#include "peers/peak.h"

#include <algorithm>

#include "base/cpu.h"

namespace bitsieve::bench {
namespace {

double best_of(double (*spin)(long long), double operations) {
  constexpr long long rounds = 100000;
  double best = 1e9;
  for (int i = 0; i < 20; ++i) best = std::min(best, spin(rounds));  // the first ones bring the clock to where it stays
  return operations * static_cast<double>(rounds) / best;
}

}  // namespace

Int8Peak int8_peak() {
#if defined(__x86_64__)
  if (isa_supported(Isa::avx512vnni)) {
    const double ops = best_of(spin_avx512vnni, 2048);
    return {ops, ops};
  }
  if (isa_supported(Isa::avx2)) return {best_of(spin_avx2_saturating, 512), best_of(spin_avx2_exact, 256)};
#endif
  return {};
}

}  // namespace bitsieve::bench
