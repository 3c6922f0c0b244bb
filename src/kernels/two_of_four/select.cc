#include "kernels/two_of_four/internal.h"

namespace bitsieve {

const std::vector<const TwoOfFourKernel*>& two_of_four_kernels() {
#if defined(__x86_64__)
  static const std::vector<const TwoOfFourKernel*> all{&two_of_four::avx512vnni, &two_of_four::avx2,
                                                       &two_of_four::portable};
#else
  static const std::vector<const TwoOfFourKernel*> all{&two_of_four::portable};
#endif
  return all;
}

const TwoOfFourKernel& select_two_of_four(Isa isa) {
  for (const TwoOfFourKernel* kernel : two_of_four_kernels()) {
    if (isa_includes(isa, kernel->isa)) return *kernel;
  }
  return two_of_four::portable;
}

}  // namespace bitsieve
