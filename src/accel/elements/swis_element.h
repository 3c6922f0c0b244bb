// SWIS's processing elements for positions that need not follow each other (specification of SWIS, C.1 and C.2): one
// shift a cycle, or two. rtl/swis_single_pe.sv and rtl/swis_double_pe.sv.
#pragma once
#include <cstdint>
#include <span>

#include "accel/elements/shift_planes.h"

namespace bitsieve::accel {

struct SwisSingleElement {
  std::int32_t sum = 0;

  // first: of an output.
  void cycle(std::span<const int> activations, std::uint32_t negative, const ShiftPlane& plane, bool first) {
    sum = (first ? 0 : sum) + plane_sum(activations, negative, plane.mask) * (1 << plane.shift);
  }
};

// With an odd number of planes the second one of a group's last cycle is empty: mask 0.
struct SwisDoubleElement {
  std::int32_t sum = 0;

  void cycle(std::span<const int> activations, std::uint32_t negative, const ShiftPlane& plane0,
             const ShiftPlane& plane1, bool first) {
    sum = (first ? 0 : sum) + plane_sum(activations, negative, plane0.mask) * (1 << plane0.shift) +
          plane_sum(activations, negative, plane1.mask) * (1 << plane1.shift);
  }
};

}  // namespace bitsieve::accel
