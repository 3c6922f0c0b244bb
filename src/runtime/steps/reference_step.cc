// Nodes run by the plain executor, and float steps between 8-bit values.
#include <vector>

#include "kernels/elementwise/elementwise.h"
#include "runtime/reference/ops.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

class Reference final : public Step {
 public:
  explicit Reference(const Source& s) : model_(s.model), index_(s.index) {}

  void run(std::span<const void* const> in, void* out, const StepContext&) const override {
    const Graph& graph = model_.graph;
    const Node& node = graph.nodes[static_cast<std::size_t>(index_)];
    if (model_.layers[static_cast<std::size_t>(index_)].integer) return reference::run_integer(model_, index_, in, out);
    // A float node between 8-bit values reads them as real numbers and its result is quantized.
    std::vector<std::vector<float>> real(node.inputs.size());
    std::vector<const float*> inputs;
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      const Value& value = graph.values[static_cast<std::size_t>(node.inputs[k])];
      const ValueCode& code = model_.values[static_cast<std::size_t>(node.inputs[k])];
      if (value.constant) {
        inputs.push_back(value.constant->data.data());
      } else if (code.type == DType::f32) {
        inputs.push_back(static_cast<const float*>(in[k]));
      } else {
        real[k].resize(static_cast<std::size_t>(element_count(value.shape)));
        reference::dequantize(in[k], static_cast<std::int64_t>(real[k].size()), code, real[k].data());
        inputs.push_back(real[k].data());
      }
    }
    const ValueCode& code = model_.values[static_cast<std::size_t>(node.output)];
    if (code.type == DType::f32) return reference::run_float(graph, node, inputs, static_cast<float*>(out));
    std::vector<float> result(static_cast<std::size_t>(element_count(graph.shape(node.output))));
    reference::run_float(graph, node, inputs, result.data());
    reference::quantize(result.data(), static_cast<std::int64_t>(result.size()), code, out);
  }

  std::string kernel() const override { return "reference"; }
  std::string remark() const override {
    return std::string("no fast form of ") + op_name(model_.graph.nodes[static_cast<std::size_t>(index_)].op) +
           " with such values";
  }

 private:
  const QuantizedModel& model_;
  int index_;
};

class Converted final : public Step {
 public:
  Converted(const Source& s, Made inner)
      : inner_(std::move(inner)), kernel_(select_elementwise(s.isa)), out_{s.out_code(), element_count(s.out())} {
    for (std::size_t k = 0; k < s.inputs(); ++k)
      in_.push_back({s.is_constant(k) ? ValueCode{} : s.in_code(k), element_count(s.in(k))});
    if (in_.size() > max_inputs) inner_ = make_reference(s);
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    if (in_.size() > max_inputs) return inner_->run(in, out, context);
    const void* inputs[max_inputs];
    std::uint8_t* scratch = context.scratch;
    for (std::size_t k = 0; k < in_.size(); ++k) {
      inputs[k] = in[k];
      if (in_[k].code.type == DType::f32) continue;
      auto* real = reinterpret_cast<float*>(scratch);
      scratch += in_[k].bytes();
      const auto* bytes = static_cast<const std::uint8_t*>(in[k]);
      context.split(in_[k].count, 8192, [&](std::int64_t begin, std::int64_t end) {
        kernel_.dequantize({bytes + begin, in_[k].code.type == DType::s8}, in_[k].code.scale, real + begin,
                           end - begin);
      });
      inputs[k] = real;
    }
    auto* result = static_cast<float*>(out);
    if (out_.code.type != DType::f32) {
      result = reinterpret_cast<float*>(scratch);
      scratch += out_.bytes();
    }
    inner_->run({inputs, in_.size()}, result, {scratch, context.crew});
    if (out_.code.type == DType::f32) return;
    const bool is_signed = out_.code.type == DType::s8;
    context.split(out_.count, 8192, [&](std::int64_t begin, std::int64_t end) {
      kernel_.quantize(result + begin, out_.code.scale, is_signed ? -127 : 0, is_signed ? 127 : 255,
                       static_cast<std::uint8_t*>(out) + begin, end - begin);
    });
  }

  std::size_t scratch_bytes(int threads) const override {
    std::size_t bytes = inner_->scratch_bytes(threads) + out_.bytes();
    for (const Real& real : in_) bytes += real.bytes();
    return bytes;
  }

  std::string kernel() const override { return inner_->kernel() + " between 8-bit values"; }

 private:
  static constexpr std::size_t max_inputs = 16;  // a concat of more is left to the plain executor

  struct Real {
    ValueCode code;
    std::int64_t count;
    std::size_t bytes() const {
      return code.type == DType::f32 ? 0 : whole_lines(static_cast<std::size_t>(count) * sizeof(float));
    }
  };

  Made inner_;
  const ElementwiseKernel& kernel_;
  std::vector<Real> in_;
  Real out_;
};

}  // namespace

Made make_reference(const Source& s) { return std::make_unique<Reference>(s); }
Made make_converted(const Source& s, Made inner) { return std::make_unique<Converted>(s, std::move(inner)); }

}  // namespace bitsieve::steps
