// The quantized model: integers plus scales, with one meaning.
//
// Real value = scale * integer; the zero point is always 0. u8 holds values that are never negative, s8 the others,
// from -127 to 127: a sign and a 7-bit magnitude, so that bit-sparse units never meet a magnitude of 128.
// Requantization, the one rounding of this project (see quant/requantize.h):
//     y = clamp(round_half_even(float(acc) * multiplier), lo, hi)
// with an int32 accumulator converted to float32 and one float32 product, each rounded half to even.
//
// Layout: a rank-3 value (C, H, W) is stored channel-last (H, W, C); everything else in its logical order.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "quant/integer_weights.h"
#include "quant/shared_shifts.h"

namespace bitsieve {

enum class DType : std::uint8_t { f32, u8, s8 };

// A matrix product of two activations sums at most so many products, so that any 8-bit values fit int32:
// 33000 * 255 * 255 < 2^31.
inline constexpr std::int64_t longest_matmul_sum = 33000;

struct ValueCode {
  DType type = DType::f32;
  float scale = 1;  // of u8 and s8
};

// What a layer does to the 8-bit values it reads, before they meet the weights (SPARQ; uniform 4 bits; nothing).
// Both tables map the 8-bit pattern read to the 8-bit pattern used and keep 0 at 0. K order: kernel row, kernel column,
// input channel of the group (specification of SPARQ, A.3).
struct ActivationTransform {
  bool active = false;                   // false: values pass unchanged and the rest is ignored
  std::array<std::uint8_t, 256> pair{};  // f: both of a pair are non-zero, or pairing is off
  std::array<std::uint8_t, 256> lone{};  // g: the partner is zero (or missing: odd tail)
  bool paired = false;                   // vSPARQ
  bool two_of_four = false;              // per output channel, pairs are the kept weights of each group of four
};

// One node's integers. Empty for nodes computed in float.
struct LayerCode {
  bool integer = false;
  std::string weight_code = "float";  // name in the table of weight codes, conv and linear only
  std::string act_code = "float";     // row of the table of activation codes with its options, e.g. "sparq-5opt-round"
  int weight_bits = 32, act_bits = 32;  // weight_bits: every weight fits so many, 2 to 8
  ActivationTransform transform;

  IntegerWeights weight;            // conv: [O][kh][kw][Cin/groups]; linear: [O][K]
  SharedShifts shifts;              // of `weight`, where the code has them (quant/shared_shifts.h)
  std::vector<float> weight_scale;  // [O], not 0; below 0 where the filter's integers have the other sign
  std::vector<std::int32_t> bias;   // [O], scale = input scale * weight_scale[o]
  // conv, linear: [O]; add, sub, mul, concat: see runtime/reference; pools: see runtime/reference
  std::vector<float> multiplier;
  std::vector<std::int32_t> operand;  // add, sub: int16-sized factors a, b of acc = a*x + b*y
  std::vector<std::int8_t>
      constant;  // add, sub, mul with a constant operand: its integers, -127 to 127, in logical order
  std::int32_t lo = -127, hi = 255;  // clamp of the requantized result
  std::vector<std::uint8_t> table;   // unary functions: 256 results indexed by the 8-bit pattern
};

// Of an integer conv or linear layer: what its weights take in a file, scales and biases aside, and the cycles that a
// processing element with one shifter spends on a weight. Numbers of n bits are n - 1 bits of a magnitude there.
double stored_weight_bits(const LayerCode& layer);
double shifts_per_weight(const LayerCode& layer);
// Of any conv or linear layer: weights, and a float32 scale, an int32 bias and a float32 multiplier a filter
// (docs/format.md); float layers 32 bits a parameter.
double stored_layer_bits(const Node& node, const LayerCode& layer);

struct QuantizedModel {
  // Batch norms folded, activations fused. Float weights of integer layers are kept, or left out where only the
  // integers are wanted (pack/bsv.h).
  Graph graph;
  std::vector<ValueCode> values;  // one per graph value
  std::vector<LayerCode> layers;  // one per graph node
};

}  // namespace bitsieve
