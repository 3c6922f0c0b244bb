#include "kernels/shift_search/internal.h"

namespace bitsieve::shift_search {
namespace {
#include "kernels/shift_search/joint.inc"
}  // namespace

void joint_avx2(const JointSearchArgs& args) { joint_any(args); }

}  // namespace bitsieve::shift_search
