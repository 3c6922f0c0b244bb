// THE TABLE of weight codes and activation codes. Adding a method is one folder and one line here.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "methods/uniform/uniform.h"
#include "quant/model.h"

namespace bitsieve {

struct WeightCodeRow {
  std::string name;
  std::string description;
  int bits;                                                                                     // stored per weight
  uniform::QuantizedWeights (*quantize)(const float* w, std::int64_t outputs, std::int64_t k);  // w in K order
};

struct ActivationCodeRow {
  std::string name;
  std::string description;
  // Bits that meet the multiplier. Where windows lie behind a sign they have one more: SPARQ is defined for u8 alone;
  // its windows on the magnitude of s8 values are an extension of ours.
  int bits, signed_bits;
  ActivationTransform transform[2];  // of u8 and of s8 values
  int bits_of(bool signed_values) const { return signed_values ? signed_bits : bits; }
  ActivationTransform make_transform(bool signed_values) const { return transform[signed_values ? 1 : 0]; }
};

std::span<const WeightCodeRow> weight_codes();
std::span<const ActivationCodeRow> activation_codes();

// Throw Error that lists the allowed names.
const WeightCodeRow& require_weight_code(const std::string& name);
const ActivationCodeRow& require_activation_code(const std::string& name);

}  // namespace bitsieve
