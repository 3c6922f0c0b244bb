// The table of supported operators.
#include <algorithm>
#include <cstring>
#include <limits>

#include "graph/onnx/import.h"

namespace bitsieve::importer {
namespace {

constexpr int many = std::numeric_limits<int>::max();
constexpr const char* conv_window = "auto_pad dilations group kernel_shape pads strides";
constexpr const char* max_window = "auto_pad ceil_mode dilations kernel_shape pads storage_order strides";
constexpr const char* average_window = "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides";
constexpr const char* reduction = "axes keepdims noop_with_empty_axes";

// Sorted by name. Attributes that only matter in training (momentum, seed, ...) are listed and have no effect.
constexpr Operator table[] = {
    // name, inputs, attributes, on activations, on constants
    {"Abs", 1, 1, "", nullptr, fold_unary},
    {"Add", 2, 2, "", lower_binary, fold_binary},
    {"AveragePool", 1, 1, average_window, lower_average_pool, nullptr},
    {"BatchNormalization", 5, 5, "epsilon momentum spatial training_mode", lower_batch_norm, nullptr},
    {"Cast", 1, 1, "saturate to", lower_identity, fold_cast},
    {"Ceil", 1, 1, "", nullptr, fold_unary},
    {"Clip", 1, 3, "max min", lower_clip, nullptr},
    {"Concat", 1, many, "axis", lower_concat, fold_concat},
    {"Constant", 0, 0, "value value_float value_floats value_int value_ints", nullptr, fold_constant},
    {"ConstantOfShape", 1, 1, "value", nullptr, fold_constant_of_shape},
    {"Conv", 2, 3, conv_window, lower_conv, nullptr},
    {"Div", 2, 2, "", lower_binary, fold_binary},
    {"Dropout", 1, 3, "ratio seed", lower_identity, fold_identity},
    {"Exp", 1, 1, "", nullptr, fold_unary},
    {"Flatten", 1, 1, "axis", lower_flatten, fold_reshape},
    {"Floor", 1, 1, "", nullptr, fold_unary},
    {"Gather", 2, 2, "axis", nullptr, fold_gather},
    {"Gemm", 2, 3, "alpha beta transA transB", lower_gemm, nullptr},
    {"GlobalAveragePool", 1, 1, "", lower_global_pool, nullptr},
    {"GlobalMaxPool", 1, 1, "", lower_global_pool, nullptr},
    {"HardSigmoid", 1, 1, "alpha beta", lower_activation, nullptr},
    {"HardSwish", 1, 1, "", lower_activation, nullptr},
    {"Identity", 1, 1, "", lower_identity, fold_identity},
    {"LeakyRelu", 1, 1, "alpha", lower_activation, nullptr},
    {"MatMul", 2, 2, "", lower_matmul, nullptr},
    {"MaxPool", 1, 1, max_window, lower_max_pool, nullptr},
    {"Mul", 2, 2, "", lower_binary, fold_binary},
    {"Neg", 1, 1, "", nullptr, fold_unary},
    {"Pad", 1, 4, "mode pads value", lower_pad, nullptr},
    {"Pow", 2, 2, "", nullptr, fold_binary},
    {"Reciprocal", 1, 1, "", nullptr, fold_unary},
    {"ReduceMean", 1, 2, reduction, lower_reduce_mean, nullptr},
    {"ReduceProd", 1, 2, reduction, nullptr, fold_reduce_prod},
    {"Relu", 1, 1, "", lower_activation, nullptr},
    {"Reshape", 2, 2, "allowzero", lower_reshape, fold_reshape},
    {"Shape", 1, 1, "end start", lower_shape, fold_shape},
    {"Sigmoid", 1, 1, "", lower_activation, nullptr},
    {"Slice", 1, 5, "axes ends starts", lower_slice, fold_slice},
    {"Softmax", 1, 1, "axis", lower_softmax, nullptr},
    {"Sqrt", 1, 1, "", nullptr, fold_unary},
    {"Squeeze", 1, 2, "axes", lower_squeeze, fold_reshape},
    {"Sub", 2, 2, "", lower_binary, fold_binary},
    {"Transpose", 1, 1, "perm", lower_transpose, fold_transpose},
    {"Unsqueeze", 1, 2, "axes", lower_unsqueeze, fold_reshape},
};

}  // namespace

const Operator* find_operator(const std::string& name) {
  const auto found =
      std::find_if(std::begin(table), std::end(table), [&](const Operator& row) { return name == row.name; });
  return found == std::end(table) ? nullptr : found;
}

std::vector<std::string> operator_names() {
  std::vector<std::string> names;
  for (const Operator& row : table) names.emplace_back(row.name);
  return names;
}

}  // namespace bitsieve::importer
