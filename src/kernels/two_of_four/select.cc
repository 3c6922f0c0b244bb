#include "kernels/two_of_four/internal.h"

namespace bitsieve {
namespace {

// The product of instruction sets without one of their own: a dense one, four times as long, with weights for the bytes
// that an output channel keeps and zeros for the others.
template <Isa isa>
std::optional<QGemmWeights> pack_expanded(const QGemmSource& s) {
  const auto weight = two_of_four::expand_weights(s);
  if (!weight) return std::nullopt;
  return select_qgemm(isa).pack({s.n, s.taps, s.depth / 4 * bytes_of_four, weight->data(), s.bias, s.multiplier});
}
template <Isa isa>
void run_expanded(const QGemmArgs& args) {
  select_qgemm(isa).run(args);
}

[[maybe_unused]] std::int64_t no_scratch(const QGemmView&) { return 0; }

}  // namespace

const std::vector<const TwoOfFourKernel*>& two_of_four_kernels() {
  using namespace two_of_four;
  static const TwoOfFourKernel portable{
      "two_of_four_portable", Isa::portable, expand_portable, pack_expanded<Isa::portable>, run_expanded<Isa::portable>,
      qgemm_scratch_bytes,    true};
#if defined(__x86_64__)
  static const TwoOfFourKernel avx2{"two_of_four_avx2", Isa::avx2, expand_avx2, pack_places, run_avx2, no_scratch};
  static const TwoOfFourKernel avx512vnni{"two_of_four_avx512vnni",
                                          Isa::avx512vnni,
                                          expand_avx512vnni,
                                          pack_expanded<Isa::avx512vnni>,
                                          run_expanded<Isa::avx512vnni>,
                                          qgemm_scratch_bytes,
                                          true};
  static const std::vector<const TwoOfFourKernel*> all{&avx512vnni, &avx2, &portable};
#elif defined(__aarch64__)
  static const TwoOfFourKernel dotprod{"two_of_four_neon_dotprod",
                                       Isa::neon_dotprod,
                                       expand_portable,
                                       pack_expanded<Isa::neon_dotprod>,
                                       run_expanded<Isa::neon_dotprod>,
                                       qgemm_scratch_bytes,
                                       true};
  static const std::vector<const TwoOfFourKernel*> all{&dotprod, &portable};
#else
  static const std::vector<const TwoOfFourKernel*> all{&portable};
#endif
  return all;
}

const TwoOfFourKernel& select_two_of_four(Isa isa) {
  for (const TwoOfFourKernel* kernel : two_of_four_kernels()) {
    if (isa_includes(isa, kernel->isa)) return *kernel;
  }
  return *two_of_four_kernels().back();
}

}  // namespace bitsieve
