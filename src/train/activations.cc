#include "train/activations.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "compress/quantize.h"
#include "methods/methods.h"
#include "quant/k_order.h"
#include "train/fake_quantize.h"
#include "train/operators.h"
#include "train/through.h"

namespace bitsieve::train {
Recipe activation_recipe(const Graph& graph, const ActivationOptions& options) {
  const ActivationCodeRow& row = require_activation_code(options.code);
  if (row.transform[0].two_of_four)
    fail("training with '{}' is not possible: its windows depend on which weights are pruned", options.code);
  Recipe recipe;
  recipe.layers.act_code = options.code;
  recipe.range = options.range;
  recipe = resolved(graph, recipe);
  recipe.layers.weight_code = "int8-exact";
  for (LayerRule& rule : recipe.rules) rule.weight_code = "int8-exact";
  if (!options.keep_float.empty()) {
    require_pattern(options.keep_float);
    recipe.rules.push_back({options.keep_float, "float", "float"});
  }
  return recipe;
}

Graph with_whole_biases(Graph graph, const QuantizedModel& model) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    const LayerCode& layer = model.layers[i];
    if (!has_weights(node) || !layer.integer || node.bias() == nullptr) continue;
    const double input = model.values[static_cast<std::size_t>(node.inputs[0])].scale;
    for (std::size_t o = 0; o < layer.bias.size(); ++o)
      node.params[1].data[o] = static_cast<float>(layer.bias[o] * (input * layer.weight_scale[o]));
  }
  return graph;
}

Activations::Activations(const Graph& graph, const Calibration& seen, const ActivationOptions& options)
    : graph_(graph), options_(options) {
  const QuantizedModel model = quantize(graph, seen, activation_recipe(graph, options)).model;
  values_.resize(graph.values.size());
  grids_.assign(graph.values.size(), -1);
  const auto code = [&](ValueId id) {
    const auto at = static_cast<std::size_t>(id);
    const ValueCode& format = model.values[at];
    if (format.type == DType::f32) return;
    Value& value = values_[at];
    const int producer = graph.producer(id);
    if (producer >= 0 && keeps_code(graph.nodes[static_cast<std::size_t>(producer)])) {
      grids_[at] = grids_[static_cast<std::size_t>(graph.nodes[static_cast<std::size_t>(producer)].inputs[0])];
      return;
    }
    grids_[at] = id;
    value.coded = true;
    value.lo = format.type == DType::u8 ? 0 : -127;
    value.hi = format.type == DType::u8 ? 255 : 127;
    value.range = format.scale * value.hi;
    if (options.fixed > 0 && format.type == DType::u8 && producer >= 0) value.range = options.fixed;
  };
  code(graph.input);
  for (const Node& node : graph.nodes) code(node.output);
  for (const LayerCode& layer : model.layers)
    transforms_.push_back(layer.integer ? layer.transform : ActivationTransform());
}

void Activations::attach(GraphModule& module) {
  for (std::size_t node = 0; node < graph_.nodes.size(); ++node) {
    Value& value = values_[static_cast<std::size_t>(graph_.nodes[node].output)];
    if (!options_.learn || !value.coded) continue;
    value.trained = module.register_parameter(module.name_of(node, "range"),
                                              torch::tensor(static_cast<float>(value.range)).to(module.device()));
  }
  module.hooks.value = [this, &module](ValueId id, const torch::Tensor& x, bool relu) {
    Value& value = values_[static_cast<std::size_t>(id)];
    return value.coded ? on_grid(value, x, relu, module.is_training()) : relu ? torch::relu(x) : x;
  };
  module.hooks.sum = [this, &module](std::size_t node, const torch::Tensor& a, const torch::Tensor& b) {
    return sum(node, a, b, module.is_training());
  };
  module.hooks.product = [this](std::size_t node, const torch::Tensor& x, const torch::Tensor& weight,
                                const torch::Tensor& bias) { return product(node, x, weight, bias); };
}

// x / (range / hi) in whole steps, and back.
torch::Tensor Activations::on_grid(Value& value, torch::Tensor x, bool relu, bool training) const {
  if (is_fixed(value, training)) {
    const double step = static_cast<float>(value.range / value.hi);
    if (relu && value.lo != 0) x = torch::relu(x);
    return train::on_grid(x, {step, value.lo, value.hi, relu && value.lo == 0});
  }
  if (relu) x = torch::relu(x);
  if (value.trained.defined()) {
    if (training) {  // a range that is gone would never come back
      const torch::NoGradGuard guard;
      value.trained.clamp_min_(1e-3 * value.range);
    }
    const double range = value.trained.item<double>();
    // Where x is clipped its gradient goes to the range.
    torch::Tensor y = torch::where(x < range, x, value.trained);
    y = value.lo == 0 ? y.clamp_min(0) : torch::where(x > -range, y, -value.trained);
    const double step = range / value.hi;
    return through(y, (y.detach() / step).round_().mul_(step));
  }
  const double now = std::max(x.detach().abs().max().item<double>(), 1e-6);
  value.range += 0.1 * (now - value.range);
  const double step = now / value.hi;
  return through(x, (x.detach() / step).round_().mul_(step));
}

double Activations::scale(ValueId id) const {
  const Value& value = values_[static_cast<std::size_t>(grids_[static_cast<std::size_t>(id)])];
  return (value.trained.defined() ? value.trained.item<double>() : value.range) / value.hi;
}

// Sums are made of whole numbers of 15 bits (add_factors), which is worth a few thousandths of a step.
torch::Tensor Activations::sum(std::size_t index, const torch::Tensor& a, const torch::Tensor& b, bool training) {
  const Node& node = graph_.nodes[index];
  Value& value = values_[static_cast<std::size_t>(node.output)];
  for (const ValueId id : node.inputs) {
    if (grids_[static_cast<std::size_t>(id)] < 0) return {};
  }
  if (!value.coded) return {};
  const double ratio[2] = {scale(node.inputs[0]) / scale(node.output), scale(node.inputs[1]) / scale(node.output)};
  const AddFactors whole = add_factors(ratio[0], ratio[1]);
  const std::array<double, 2> factors = {
      std::ldexp(whole.a, -whole.exponent) / ratio[0],
      std::ldexp(whole.b, -whole.exponent) / ratio[1] * (node.op == Op::sub ? -1 : 1)};
  const bool relu = ends_in_relu(node), plain = !relu && !is_clamped(node);
  if (is_fixed(value, training) && a.sizes() == b.sizes() && (plain || (relu && value.lo == 0))) {
    const double step = static_cast<float>(value.range / value.hi);
    return sum_on_grid(a, b, factors, {step, value.lo, value.hi, relu});
  }
  return on_grid(value, clamped(node, a * factors[0] + b * factors[1]), false, training);
}

torch::Tensor Activations::product(std::size_t index, const torch::Tensor& x, const torch::Tensor& weight,
                                   const torch::Tensor& bias) const {
  const ActivationTransform& t = transforms_[index];
  if (!t.active) return {};
  const Node& node = graph_.nodes[index];
  const ValueId grid = grids_[static_cast<std::size_t>(node.inputs[0])];
  const bool is_signed = values_[static_cast<std::size_t>(grid)].lo < 0;
  const double step = scale(node.inputs[0]);
  const auto read = [&](const torch::Tensor& values, std::int64_t axis) {
    return read_codes(values, step, is_signed, t, axis);
  };
  // Where a pair can begin depends on where in the filter a value is: pairs go on from one pixel to the next, and a
  // group's last value has no partner in the next group.
  const Window& w = node.attributes.window;
  const bool along_channels = w.kernel[0] * w.kernel[1] == 1 && w.groups == 1;
  if (t.paired && node.op == Op::conv && filter_depth(node) % 2 != 0 && !along_channels)
    return product_of_columns(node, x, weight, bias, [&](const torch::Tensor& columns) { return read(columns, -1); });
  return train::product(node, read(x, node.op == Op::conv ? 1 : -1), weight, bias);
}

Calibration Activations::ranges() const {
  Calibration result;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const Value& value = values_[i];
    if (!value.coded) continue;
    ValueStatistics& statistics = result.values[graph_.values[i].name];
    statistics.images = 1;
    statistics.max = value.trained.defined() ? value.trained.item<double>() : value.range;
    statistics.min = value.lo < 0 ? -statistics.max : 0;
  }
  return result;
}

void Activations::save(State& state) const {
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].coded) state.numbers["range " + graph_.values[i].name] = values_[i].range;
  }
}

void Activations::load(const State& state) {
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (!values_[i].coded) continue;
    const double range = state.number("range " + graph_.values[i].name);
    if (!(range > 0 && std::isfinite(range))) fail("the state's range of '{}' is {}", graph_.values[i].name, range);
    values_[i].range = range;
  }
}

}  // namespace bitsieve::train
