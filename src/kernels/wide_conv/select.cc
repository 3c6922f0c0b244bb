#include "kernels/qgemm/internal.h"
#include "kernels/wide_conv/internal.h"

namespace bitsieve {

const std::vector<const WideConvKernel*>& wide_conv_kernels() {
#if defined(__x86_64__)
  static const WideConvKernel avx2{"wideconv_avx2", Isa::avx2, wide_conv::widen_avx2, wide_conv::pack_pairs,
                                   wide_conv::run_avx2};
  static const std::vector<const WideConvKernel*> all{&avx2};
#else
  static const std::vector<const WideConvKernel*> all;
#endif
  return all;
}

// Time of qgemm / of this, on Zen 3 (the rule, then what was measured).
bool wide_conv_is_faster(Isa isa, std::int64_t n, std::int64_t taps, std::int64_t run, int most_weight) {
  if (find_wide_conv(isa) == nullptr) return false;
  // Products of few bits are faster, but for what gathering takes: with four bits 1.9 for runs of 9, 0.9 for 21.
  if (select_qgemm(isa, most_weight).most_weight < 128) return run <= 12;
  // Short runs are dear to gather: 1.5 to 6 for 9, 1.0 to 1.2 for 21 (7 x 7, of three channels).
  if (run < 24) return true;
  // Bytes are faster where qgemm takes them: 0.7 to 0.9. Elsewhere it widens as well, for each output pixel: 1.1
  // to 1.3, with weights of 16 columns that leave room in the first cache.
  return taps * run <= 256 && !qgemm::bytes_pay(n, taps * run);
}

const WideConvKernel* find_wide_conv(Isa isa) {
  for (const WideConvKernel* kernel : wide_conv_kernels()) {
    if (kernel->isa == isa) return kernel;  // wider levels have products of bytes
  }
  return nullptr;
}

}  // namespace bitsieve
