// Weights of a layer as trainable bits: what BSQ trains (specification of BSQ, A.1 to A.4).
//
//   u = sum over b < bits of 2^b (P_b - N_b)
//   weight = step * round(u), step = scale / (2^bits - 1), halves to even
//
// Planes are floats in [0, 2]: whole digits right after splitting and requantizing, anything between while they are
// trained. "bits" are magnitude bits, as the paper counts them: 2^(bits + 1) - 1 levels, bits + 1 stored bits.
//
// Everything here is the plain reference; kernels/plane_step trains planes as fast as memory allows.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace bitsieve::bsq {

inline constexpr int most_bits = 10;  // of any layer: sums stay exact in float32, as 2 * (2^10 - 1) < 2^24

struct BitPlanes {
  int bits = 0;               // n, 1 to most_bits; 0: the layer is zero for good
  float scale = 0;            // s, the weight whose digits are all ones
  std::int64_t size = 0;      // weights
  std::vector<float> values;  // [2 * bits][size]: P from the highest bit to the lowest, then N

  float step() const { return bits == 0 ? 0.0f : scale / static_cast<float>((1 << bits) - 1); }
  std::span<float> plane(bool negative, int bit) { return {values.data() + offset(negative, bit), length()}; }
  std::span<const float> plane(bool negative, int bit) const {
    return {values.data() + offset(negative, bit), length()};
  }

 private:
  std::size_t length() const { return static_cast<std::size_t>(size); }
  std::size_t offset(bool negative, int bit) const {
    return static_cast<std::size_t>(((negative ? bits : 0) + bits - 1 - bit) * size);
  }
};

// Digits of round(|w| * (2^bits - 1) / scale), with scale = max |w|. All zero weights give scale 0 and empty planes.
// Throws Error when a weight is not finite or bits is out of range.
BitPlanes split(std::span<const float> weight, int bits);

// Planes of these whole numbers, |k| < 2^bits.
BitPlanes split(std::span<const std::int32_t> k, int bits, float scale);

// round(u) of every weight, at most 2 * (2^bits - 1) by magnitude.
std::vector<std::int32_t> integers(const BitPlanes& planes);

// The weights the network computes with. official_clip: u / (2^bits - 1) is first clipped to [-1, 1], as the authors'
// code does, which hides what a carry is about to add (B.1).
std::vector<float> weights(const BitPlanes& planes, bool official_clip = false);

// Gradients of the loss (A.2, A.3): `gradient` is that by the weights. Rounding and clip count as the identity.
// decay: of the planes; group: alpha * kappa, the weight of the group Lasso of this layer.
std::vector<float> plane_gradients(const BitPlanes& planes, std::span<const float> gradient, double decay,
                                   double group);
double scale_gradient(const BitPlanes& planes, std::span<const float> gradient, bool official_clip = false);

// sqrt(epsilon + sum of P_b^2 + N_b^2) for each bit, from the lowest on; their sum is B_GL (A.3).
std::vector<double> group_norms(const BitPlanes& planes);
inline constexpr double norm_epsilon = 1e-8;

struct Adjustment {
  int grown = 0;                      // 1 where a carry needed another bit
  std::int64_t saturated = 0;         // weights cut at 2^bits - 1: the layer had most_bits, or lost its highest plane
  int from_top = 0, from_bottom = 0;  // empty planes taken away
  int halved = 0;                     // lowest planes rounded away, by halve()
  Adjustment& operator+=(const Adjustment& o);
};

// Planes become the digits of round(u) (A.4). Weights keep their value but for the saturated ones: where a carry needs
// it and `most` allows, the layer grows by a bit and the scale with it.
Adjustment requantize(BitPlanes& planes, int most = 8);

// Takes away planes that are zero all over the layer, from the top and from the bottom, one at least remaining; weights
// keep their value. Of requantized planes.
//
// share: planes that hold a digit of few weights go as well (B.8): the highest one while less than this share of all
// weights has it, which are then saturated, and the lowest one while at most this share has it, which is cut off.
Adjustment strip(BitPlanes& planes, double share = 0);

// Brings a layer of more bits down to `most`: whole numbers are halved, halves to even, and the step doubled, as often
// as needed. Weights move by half of the new step at most. Not in the paper: int8 holds 7 bits and a sign.
Adjustment halve(BitPlanes& planes, int most);

// requantize, then strip: the precision adjustment of the paper.
Adjustment adjust(BitPlanes& planes, int most = 8, double share = 0);

}  // namespace bitsieve::bsq
