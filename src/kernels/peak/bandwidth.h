// How fast the processor reads, measured.
#pragma once

namespace bitsieve {

// Bytes a second that one thread reads one after the other, from a buffer of half the second cache and from one that no
// cache holds, the best of some passes. Takes a fifth of a second and, meanwhile, a few hundred megabytes.
struct ReadBandwidth {
  double second_cache = 0, memory = 0;
};
ReadBandwidth read_bandwidth();

}  // namespace bitsieve
