// Elements for positions that follow each other: planes come from the highest to the lowest and double what is there
// (Horner; specification of SWIS, C.3). With an offset a group it is SWIS-C's, rtl/swis_c_pe.sv; without, the
// weight-serial one, rtl/weight_serial_pe.sv.
#pragma once
#include <cstdint>
#include <span>

#include "accel/elements/shift_planes.h"

namespace bitsieve::accel {

struct HornerElement {
  std::int32_t sum = 0;
  std::int32_t group = 0;  // of the group so far

  // group_first, group_last: plane of a group; offset: its lowest position, looked at with the last plane; first: the
  // group is the first one of an output, said with its last plane.
  void cycle(std::span<const int> activations, std::uint32_t negative, std::uint32_t mask, bool group_first,
             bool group_last, int offset, bool first) {
    group = (group_first ? 0 : 2 * group) + plane_sum(activations, negative, mask);
    if (group_last) sum = (first ? 0 : sum) + group * (1 << offset);
  }
};

}  // namespace bitsieve::accel
