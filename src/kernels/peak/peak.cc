#include "kernels/peak/peak.h"

#include <algorithm>
#include <chrono>

#include "base/cpu.h"
#include "kernels/peak/internal.h"

namespace bitsieve {
namespace {

[[maybe_unused]] double best_of(long long (*spin)(long long), double operations) {
  using Clock = std::chrono::steady_clock;
  constexpr long long rounds = 50000;
  double best = 1e9;
  for (int i = 0; i < 20; ++i) {  // the first ones bring the clock to where it stays
    const auto before = Clock::now();
    volatile long long sink = spin(rounds);
    (void)sink;
    best = std::min(best, std::chrono::duration<double>(Clock::now() - before).count());
  }
  return operations * static_cast<double>(rounds) / best;
}

}  // namespace

Int8Peak int8_peak() {
#if defined(__x86_64__)
  if (isa_supported(Isa::avx512vnni)) {
    const double operations = best_of(peak::spin_avx512vnni, 2048);
    return {operations, operations};
  }
  if (isa_supported(Isa::avxvnni)) {
    const double operations = best_of(peak::spin_avxvnni, 768);
    return {operations, operations};
  }
  if (isa_supported(Isa::avx2))
    return {best_of(peak::spin_avx2_saturating, 512), best_of(peak::spin_avx2_widened, 256)};
#endif
  return {};
}

}  // namespace bitsieve
