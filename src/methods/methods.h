// THE TABLE of weight codes and activation codes. Adding a method is one folder and one line here.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "methods/weight_code.h"
#include "quant/model.h"

namespace bitsieve {

// A family of weight codes; its names have parameters in them.
struct WeightCodeRow {
  std::string names;  // how the names are written: "intB[-mse][-tensor]"
  std::string description;
  std::string limits;                 // of the numbers in the names, for errors
  std::vector<std::string> examples;  // some of its names, those that stand for the rest in tests
  std::optional<WeightCode> (*find)(std::string_view name);  // nothing for a name that is not one of the family's
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

std::optional<WeightCode> find_weight_code(std::string_view name);

// Throw Error that lists the allowed names.
WeightCode require_weight_code(const std::string& name);
const ActivationCodeRow& require_activation_code(const std::string& name);

}  // namespace bitsieve
