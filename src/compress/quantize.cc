#include "compress/quantize.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/error.h"
#include "compress/scales.h"
#include "methods/methods.h"
#include "quant/k_order.h"
#include "quant/range.h"
#include "runtime/reference/ops.h"

namespace bitsieve {
namespace {

// True when no image whatever can make the value negative.
bool never_negative(const Graph& graph, ValueId id, const Calibration& calibration) {
  const int producer = graph.producer(id);
  if (producer < 0) return calibration.values.at(graph.values[static_cast<std::size_t>(id)].name).min >= 0;
  const Node& node = graph.nodes[static_cast<std::size_t>(producer)];
  if (node.clamp_lo >= 0) return true;
  switch (node.op) {
    case Op::relu:
    case Op::sigmoid:
    case Op::hard_sigmoid:
    case Op::softmax:
      return true;
    case Op::clip:
      return node.attributes.lo >= 0;
    case Op::pad:
      if (node.attributes.value < 0) return false;
      [[fallthrough]];
    case Op::concat:
    case Op::slice:
    case Op::reshape:
    case Op::transpose:
    case Op::max_pool:
    case Op::average_pool:
    case Op::reduce_mean:
    case Op::mul:
    case Op::add:
      return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
        if (!graph.is_constant(in)) return never_negative(graph, in, calibration);
        const std::vector<float>& values = graph.values[static_cast<std::size_t>(in)].constant->data;
        return (node.op == Op::mul || node.op == Op::add) &&
               std::all_of(values.begin(), values.end(), [](float x) { return x >= 0; });
      });
    default:
      return false;
  }
}

class Quantizer {
 public:
  Quantizer(const Graph& graph, const Calibration& calibration, const Recipe& recipe, int threads)
      : graph_(graph), calibration_(calibration), recipe_(recipe), threads_(threads) {
    result_.model = {graph, std::vector<ValueCode>(graph.values.size()), std::vector<LayerCode>(graph.nodes.size())};
  }

  QuantizeResult run() {
    codes_ = resolve(graph_, recipe_, &result_.warnings);
    code_values();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      code_node(i);
      warn_of_float(i);
    }
    return std::move(result_);
  }

 private:
  ValueCode& code(ValueId id) { return result_.model.values[static_cast<std::size_t>(id)]; }

  const ValueStatistics& statistics(ValueId id) const {
    const std::string& name = graph_.values[static_cast<std::size_t>(id)].name;
    const auto found = calibration_.values.find(name);
    if (found == calibration_.values.end()) {
      fail("the calibration of model '{}' has no value '{}': it belongs to another model; calibrate again",
           calibration_.model, name);
    }
    return found->second;
  }

  void code_values() {
    for (const ValueId id : order()) {
      const int producer = graph_.producer(id);
      if (id == graph_.output) continue;  // scores stay real numbers
      if (producer >= 0 && keeps_code(graph_.nodes[static_cast<std::size_t>(producer)])) {
        code(id) = code(graph_.nodes[static_cast<std::size_t>(producer)].inputs[0]);
        continue;
      }
      if (producer >= 0 && feeds_only_scores(id)) continue;
      const ValueStatistics& seen = statistics(id);
      const bool positive = never_negative(graph_, id, calibration_);
      const double high = choose_range(seen, recipe_.range, recipe_.percentile, positive).high;
      code(id) = {positive ? DType::u8 : DType::s8, static_cast<float>(high / (positive ? recipe_.act_top : 127))};
      if (!(code(id).scale > 0)) code(id).scale = 1;  // a value that was 0 in every image
    }
  }

  // Scores before a final softmax or reshape stay real as well.
  bool feeds_only_scores(ValueId id) const {
    const std::vector<int> readers = graph_.consumers(id);
    return !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](int i) {
      const Node& node = graph_.nodes[static_cast<std::size_t>(i)];
      return (node.op == Op::softmax || node.op == Op::reshape) &&
             (node.output == graph_.output || feeds_only_scores(node.output));
    });
  }

  std::vector<ValueId> order() const {
    std::vector<ValueId> ids{graph_.input};
    for (const Node& node : graph_.nodes) ids.push_back(node.output);
    return ids;
  }

  void code_node(std::size_t i) {
    const Node& node = graph_.nodes[i];
    LayerCode& layer = result_.model.layers[i];
    const bool real_output = code(node.output).type == DType::f32;
    if (!reference::has_integer_form(graph_, node)) return;
    if (has_weights(node) ? codes_[i].weight_code == "float" : real_output && node.op != Op::matmul) return;
    for (const ValueId id : node.inputs) {
      if (!graph_.is_constant(id) && code(id).type == DType::f32) return;
    }
    layer.integer = true;
    const ValueCode out = code(node.output);
    layer.lo = out.type == DType::s8 ? -127 : 0;
    layer.hi = out.type == DType::s8 ? 127 : 255;
    if (!real_output) clamp_range(node, out, layer);
    if (has_weights(node)) return code_weights(i, layer);
    const double s = out.scale;
    const auto input_scale = [&](std::size_t k) {
      return graph_.is_constant(node.inputs[k]) ? code_constant(node.inputs[k], layer)
                                                : static_cast<double>(code(node.inputs[k]).scale);
    };
    switch (node.op) {
      case Op::add:
      case Op::sub: {
        const double ra = input_scale(0) / s, rb = input_scale(1) / s;
        const AddFactors factors = add_factors(ra, rb);
        layer.operand = {factors.a, node.op == Op::sub ? -factors.b : factors.b};
        layer.multiplier = {static_cast<float>(std::ldexp(1.0, -factors.exponent))};
        break;
      }
      case Op::matmul:
      case Op::mul:
        layer.multiplier = {static_cast<float>(input_scale(0) * input_scale(1) / s)};
        break;
      case Op::average_pool: {
        const Window& w = node.attributes.window;
        layer.multiplier.resize(static_cast<std::size_t>(w.kernel[0] * w.kernel[1] + 1));
        for (std::size_t n = 1; n < layer.multiplier.size(); ++n) {
          layer.multiplier[n] = static_cast<float>(input_scale(0) / (s * static_cast<double>(n)));
        }
        break;
      }
      case Op::reduce_mean: {
        const Shape& in = graph_.shape(node.inputs[0]);
        layer.multiplier = {static_cast<float>(input_scale(0) / (s * static_cast<double>(in[1] * in[2])))};
        break;
      }
      case Op::concat:
      case Op::slice:
      case Op::pad:
      case Op::reshape:
      case Op::transpose:
      case Op::max_pool:
        for (std::size_t k = 0; k < node.inputs.size(); ++k)
          layer.multiplier.push_back(static_cast<float>(input_scale(k) / s));
        break;
      default:
        layer.table.resize(256);
        for (int pattern = 0; pattern < 256; ++pattern) {
          const auto byte = static_cast<std::uint8_t>(pattern);
          float x = 0;
          reference::dequantize(&byte, 1, code(node.inputs[0]), &x);
          x = reference::unary(node, x);
          reference::quantize(&x, 1, out, &layer.table[static_cast<std::size_t>(pattern)]);
        }
    }
  }

  // Folds the node's float clamp into the integer one.
  static void clamp_range(const Node& node, const ValueCode& out, LayerCode& layer) {
    const auto to_code = [&](float bound) {
      return static_cast<std::int32_t>(
          std::nearbyint(std::clamp(static_cast<double>(bound) / out.scale, -128.0, 255.0)));
    };
    layer.lo = std::max(layer.lo, to_code(node.clamp_lo));
    layer.hi = std::min(layer.hi, to_code(node.clamp_hi));
  }

  void code_weights(std::size_t i, LayerCode& layer) {
    const Node& node = graph_.nodes[i];
    const Tensor& weight = node.weight();
    const std::int64_t outputs = weight.shape[0], k = weight.size() / std::max<std::int64_t>(outputs, 1);
    const std::vector<float> reordered = weights_in_k_order(node);
    const ActivationCodeRow& act = act_code(node, codes_[i].act_code);
    const WeightCode weight_code = require_weight_code(codes_[i].weight_code);
    const ValueCode in = code(node.inputs[0]);
    layer.weight_code = codes_[i].weight_code;
    layer.act_code = act.name;
    layer.act_bits = act.bits_of(in.type == DType::s8);
    layer.transform = act.make_transform(in.type == DType::s8);
    WeightInput input{reordered.data(), outputs, k, filter_depth(node), NAN, threads_};
    if (weight_code.measures_alpha) input.alpha = measured_alpha(node.inputs[0]);
    CodedWeights quantized = weight_code.quantize(input);
    layer.weight_bits = quantized.bits;
    layer.weight = std::move(quantized.q);
    layer.shifts = std::move(quantized.shifts);
    if (layer.transform.two_of_four) require_two_of_four(node.name, layer.weight, k);
    layer.weight_scale = std::move(quantized.scale);
    layer.bias.resize(static_cast<std::size_t>(outputs));
    for (std::int64_t o = 0; o < outputs; ++o) {
      const auto at = static_cast<std::size_t>(o);
      const double real = node.bias() ? static_cast<double>(node.bias()->data[at]) : 0;
      double unit = static_cast<double>(in.scale) * layer.weight_scale[at];
      if (std::abs(real / unit) > bias_limit) {
        // A dead filter: its weights are nothing beside its bias, which would overflow. Keep the constant alone.
        std::fill_n(layer.weight.edit().begin() + o * k, k, std::int8_t{0});
        layer.weight_scale[at] = static_cast<float>(std::abs(real) / in.scale / (1 << 20));
        unit = static_cast<double>(in.scale) * layer.weight_scale[at];
        result_.warnings.push_back(
            fmt::format("layer '{}', filter {}: weights vanish beside the bias; kept as a constant", node.name, o));
      }
      layer.bias[at] = static_cast<std::int32_t>(std::nearbyint(real / unit));
    }
    warn_of_zeros(node, reordered, outputs);
    set_multipliers(result_.model, i);
    constexpr std::int64_t most = (std::int64_t{1} << 30) / (255 * 128);
    if (k > most) fail("layer '{}': {} products a sum; int32 sums are safe up to {}", node.name, k, most);
  }

  // mean^2 / variance of a value (specification of SWIS, A.4). What is always the same has no variance: the largest
  // alpha.
  double measured_alpha(ValueId id) const {
    const auto [mean, variance] = mean_and_variance(statistics(id).histogram);
    return variance > 0 ? mean * mean / variance : mean != 0 ? 1e9 : 0;
  }

  // 2:4 is sparsity along input channels: a layer with one input channel a filter takes the code without it.
  const ActivationCodeRow& act_code(const Node& node, const std::string& name) {
    const ActivationCodeRow& row = require_activation_code(name);
    if (!row.transform[0].two_of_four || node.op != Op::conv || node.weight().shape[1] > 1) return row;
    const std::string dense = name.substr(0, name.rfind('-'));
    result_.warnings.push_back(
        fmt::format("layer '{}' has one input channel a filter, too few for 2:4; it gets {}", node.name, dense));
    return require_activation_code(dense);
  }

  static void require_two_of_four(const std::string& name, std::span<const std::int8_t> weights, std::int64_t k) {
    for (std::size_t i = 0; i < weights.size();) {
      const std::size_t end =
          i + std::min<std::size_t>(4, static_cast<std::size_t>(k) - i % static_cast<std::size_t>(k));
      if (std::count_if(weights.begin() + static_cast<std::ptrdiff_t>(i),
                        weights.begin() + static_cast<std::ptrdiff_t>(end), [](std::int8_t w) { return w != 0; }) > 2) {
        fail(
            "layer '{}': its code is for 2:4 sparse weights, and it has more than two of four; prune them (--prune "
            "2:4)",
            name);
      }
      i = end;
    }
  }

  // Integers are the rule; a layer that has to stay float although its recipe says otherwise is worth a word.
  void warn_of_float(std::size_t i) {
    const Node& node = graph_.nodes[i];
    if (result_.model.layers[i].integer || !(has_weights(node) || node.op == Op::matmul)) return;
    if (codes_[i].weight_code == "float") return;
    result_.warnings.push_back(fmt::format("layer '{}' ({}) runs in float: {}", node.name, op_name(node.op),
                                           reference::has_integer_form(graph_, node)
                                               ? "it reads a value that is float"
                                               : "there is no integer form for its shape"));
  }

  // A filter of zeros is allowed (pruned networks have them), but often a sign of a broken file.
  void warn_of_zeros(const Node& node, const std::vector<float>& weights, std::int64_t outputs) {
    const auto k = static_cast<std::ptrdiff_t>(weights.size()) / outputs;
    std::int64_t count = 0, first = 0;
    for (std::int64_t o = outputs - 1; o >= 0; --o) {
      const auto filter = weights.begin() + o * k;
      if (std::any_of(filter, filter + k, [](float w) { return w != 0; })) continue;
      ++count;
      first = o;
    }
    if (count == 0) return;
    result_.warnings.push_back(fmt::format("layer '{}', filter {}{}: all weights are 0; its output is its bias",
                                           node.name, first, count > 1 ? fmt::format(" and {} more", count - 1) : ""));
  }

  // 8-bit integers of a constant operand, per tensor; its scale.
  double code_constant(ValueId id, LayerCode& layer) const {
    const std::vector<float>& values = graph_.values[static_cast<std::size_t>(id)].constant->data;
    double largest = 0;
    for (const float x : values) largest = std::max(largest, std::abs(static_cast<double>(x)));
    const double scale = largest > 0 ? largest / 127 : 1;
    layer.constant.clear();
    for (const float x : values) layer.constant.push_back(static_cast<std::int8_t>(std::nearbyint(x / scale)));
    return scale;
  }

  const Graph& graph_;
  const Calibration& calibration_;
  const Recipe& recipe_;
  const int threads_;
  std::vector<LayerRecipe> codes_;  // by node
  QuantizeResult result_;
};

}  // namespace

AddFactors add_factors(double ra, double rb) {
  const int exponent = 15 - (std::ilogb(std::max(ra, rb)) + 1);
  const auto factor = [&](double r) {
    return static_cast<std::int32_t>(std::min(std::nearbyint(std::ldexp(r, exponent)), 32767.0));
  };
  return {factor(ra), factor(rb), exponent};
}

bool keeps_code(const Node& node) {
  return node.op == Op::max_pool || node.op == Op::slice || node.op == Op::pad || node.op == Op::reshape ||
         node.op == Op::transpose;
}

QuantizeResult quantize(const Graph& graph, const Calibration& calibration, const Recipe& recipe, int threads) {
  return Quantizer(graph, calibration, recipe, threads).run();
}

}  // namespace bitsieve
