// Which values of two models are the same on every image: those of equal digests.
#pragma once
#include <vector>

#include "base/hash.h"
#include "quant/model.h"

namespace bitsieve {

// One per graph value, over everything that decides its bytes: its own code and shape, the integers, clamp and
// attributes of the node that computes it (float weights of a node computed in float), what this node makes of the
// activations it reads, and in the same way everything before it, up to the image. Constants count as their contents.
// Left out is what decides nothing: names, what codes are called, how weights are stored, and float weights beside
// integers. So a layer that merely reads a value through another activation code leaves that value's digest alone.
std::vector<Digest> value_digests(const QuantizedModel& model);

}  // namespace bitsieve
