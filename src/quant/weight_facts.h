// What a file that holds no codes of ours, an ONNX file, says of its layers' weights: entries of its metadata.
#pragma once
#include <map>
#include <string>

#include "quant/model.h"

namespace bitsieve {

// Keys, after which the layer's name follows.
inline constexpr const char* weight_bits_fact = "bitsieve.weight_bits.";  // stored for a weight, its sign included,
                                                                          // scales not
inline constexpr const char* weight_code_fact = "bitsieve.weight_code.";  // a name of methods/methods.h

// Of every layer with integer weights.
std::map<std::string, std::string> weight_facts(const QuantizedModel& model);

}  // namespace bitsieve
