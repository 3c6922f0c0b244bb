// 95 % intervals of accuracies and of differences between accuracies.
#pragma once
#include <array>
#include <cstdint>

namespace bitsieve {

// Wilson score interval at 95 % for `correct` of `count`, in percent (Wilson 1927). count 0 gives [0, 100].
std::array<double, 2> wilson_interval(std::int64_t correct, std::int64_t count);

// The change of top-1 between two models on the same images. Most images are right or wrong in both and say nothing
// about the difference: the interval comes from those that changed alone (as in McNemar's test), and is much narrower
// than two intervals side by side.
struct PairedDrop {
  std::int64_t count = 0;                 // labelled images
  std::int64_t lost = 0, gained = 0;      // right only in the reference; right only in the model
  double drop = 0;                        // top-1 points lost, 100 (lost - gained) / count; negative: better
  std::array<double, 2> ci95{-100, 100};  // of the drop: Wald interval after adding one to both (Bonett and Price 2012)
};

PairedDrop paired_drop(std::int64_t count, std::int64_t lost, std::int64_t gained);

}  // namespace bitsieve
