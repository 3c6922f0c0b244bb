#include "runtime/steps/makers.h"

namespace bitsieve {
namespace {

using steps::Made;
using steps::Source;

// THE TABLE of steps: which kind runs an operator, in integers and in float.
struct Row {
  Op op;
  Made (*integer)(const Source& source);
  Made (*real)(const Source& source);
};

constexpr Row kRows[] = {
    {Op::conv, steps::make_conv, steps::make_conv_f32},
    {Op::linear, steps::make_conv, steps::make_conv_f32},
    {Op::matmul, steps::make_matmul, steps::make_matmul_f32},
    {Op::add, steps::make_binary, steps::make_binary_f32},
    {Op::sub, steps::make_binary, steps::make_binary_f32},
    {Op::mul, steps::make_binary, steps::make_binary_f32},
    {Op::div, nullptr, steps::make_binary_f32},
    {Op::max_pool, steps::make_pool, steps::make_pool_f32},
    {Op::average_pool, steps::make_pool, steps::make_pool_f32},
    {Op::reduce_mean, steps::make_mean, steps::make_mean_f32},
    {Op::concat, steps::make_move, steps::make_move_f32},
    {Op::slice, steps::make_move, steps::make_move_f32},
    {Op::pad, steps::make_move, steps::make_move_f32},
    {Op::reshape, steps::make_move, steps::make_move_f32},
    {Op::transpose, steps::make_move, steps::make_move_f32},
    {Op::relu, steps::make_table, steps::make_unary_f32},
    {Op::leaky_relu, steps::make_table, steps::make_unary_f32},
    {Op::clip, steps::make_table, steps::make_unary_f32},
    {Op::sigmoid, steps::make_table, steps::make_unary_f32},
    {Op::hard_sigmoid, steps::make_table, steps::make_unary_f32},
    {Op::hard_swish, steps::make_table, steps::make_unary_f32},
    {Op::softmax, nullptr, steps::make_softmax_f32},
};

bool all_real(const Source& s) {
  for (std::size_t k = 0; k < s.inputs(); ++k) {
    if (!s.is_constant(k) && s.in_code(k).type != DType::f32) return false;
  }
  return s.out_code().type == DType::f32;
}

}  // namespace

std::unique_ptr<const Step> make_step(const QuantizedModel& model, int index, const StepOptions& options) {
  const auto at = static_cast<std::size_t>(index);
  const Source source{model, index, options.isa, model.graph.nodes.at(at), model.layers.at(at), options.packed_from};
  if (!options.reference) {
    for (const Row& row : kRows) {
      if (row.op != source.node.op) continue;
      const auto make = source.layer.integer ? row.integer : row.real;
      Made step = make == nullptr ? nullptr : make(source);
      if (step != nullptr && !source.layer.integer && !all_real(source))
        return steps::make_converted(source, std::move(step));
      if (step != nullptr) return step;
    }
  }
  return steps::make_reference(source);
}

}  // namespace bitsieve
