#include "kernels/two_of_four/internal.h"

namespace bitsieve {
namespace {

// A kernel of an instruction set without a product of its own: a dense one, four times as long, with weights for the
// bytes that an output channel keeps and zeros for the others.
template <Isa isa>
TwoOfFourKernel expanded(const char* name, decltype(TwoOfFourKernel::expand) expand) {
  const auto pack = [](const QGemmSource& s) -> std::optional<QGemmWeights> {
    const auto weight = two_of_four::expand_weights(s);
    if (!weight) return std::nullopt;
    return select_qgemm(isa).pack({s.n, s.taps, s.depth / 4 * bytes_of_four, weight->data(), s.bias, s.multiplier});
  };
  const auto run = [](const QGemmArgs& args) { select_qgemm(isa).run(args); };
  return {name, isa, expand, pack, run, qgemm_scratch_bytes, true};
}

[[maybe_unused]] std::int64_t no_scratch(const QGemmView&) { return 0; }

}  // namespace

const std::vector<const TwoOfFourKernel*>& two_of_four_kernels() {
  using namespace two_of_four;
  static const TwoOfFourKernel portable = expanded<Isa::portable>("two_of_four_portable", expand_portable);
#if defined(__x86_64__)
  static const TwoOfFourKernel avx2{"two_of_four_avx2", Isa::avx2, expand_avx2, pack_places, run_avx2, no_scratch};
  static const TwoOfFourKernel avxvnni{"two_of_four_avxvnni", Isa::avxvnni, expand_avx2,
                                       pack_places,           run_avxvnni,  no_scratch};
  static const TwoOfFourKernel avx512{
      "two_of_four_avx512vnni", Isa::avx512vnni,
      expand_avx512vnni,        [](const QGemmSource& s) { return pack_picks(s, 1, 1); },
      run_avx512vnni,           no_scratch};
  static const TwoOfFourKernel vbmi{"two_of_four_avx512vbmi",
                                    Isa::avx512vnni,
                                    expand_avx512vnni,
                                    [](const QGemmSource& s) { return pack_picks(s, 4, 2); },
                                    run_avx512vbmi,
                                    no_scratch,
                                    false,
                                    true};
  static const std::vector<const TwoOfFourKernel*> all{&vbmi, &avx512, &avxvnni, &avx2, &portable};
#elif defined(__aarch64__)
  static const TwoOfFourKernel dotprod = expanded<Isa::neon_dotprod>("two_of_four_neon_dotprod", expand_portable);
  static const std::vector<const TwoOfFourKernel*> all{&dotprod, &portable};
#else
  static const std::vector<const TwoOfFourKernel*> all{&portable};
#endif
  return all;
}

const TwoOfFourKernel& select_two_of_four(Isa isa, bool vbmi) {
  for (const TwoOfFourKernel* kernel : two_of_four_kernels()) {
    if (isa_includes(isa, kernel->isa) && (vbmi || !kernel->needs_vbmi)) return *kernel;
  }
  return *two_of_four_kernels().back();
}

}  // namespace bitsieve
