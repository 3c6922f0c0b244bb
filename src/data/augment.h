// Preprocessing as in training: at a random place, and mirrored half of the time.
//
// Pictures that need no resize are padded by 4 black pixels on every side, or, where they are larger than what the
// network sees, taken as they are: CIFAR's usual training, which the authors of SPARQ recalibrate with. Pictures that
// are resized are made 8/7 of the size first, as 256 is to 224, and what the network sees is cut out anywhere. That is
// ours: ImageNet's training cuts out 8 to 100 % of the picture, in proportions from 3:4 to 4:3.
#pragma once
#include <cstdint>

#include "data/preprocess.h"

namespace bitsieve {

inline constexpr int augment_padding = 4;

// As preprocess(); every `draw` of the same picture is another variant, and the same one for the same seed. Throws
// Error as preprocess() does, and where pictures are resized to a size that `preprocessing` does not say.
void preprocess_augmented(const Image& image, const Preprocessing& preprocessing, std::uint64_t seed,
                          std::uint64_t draw, float* out_hwc);

}  // namespace bitsieve
