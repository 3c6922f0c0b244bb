#include "eval/node_error.h"

#include <algorithm>
#include <cstdlib>

#include "runtime/reference/ops.h"

namespace bitsieve {
namespace {

double squared_distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - b[i];
    sum += d * d;
  }
  return sum;
}

QuantizedModel without_transforms(QuantizedModel model) {
  for (LayerCode& layer : model.layers) layer.transform = {};
  return model;
}

}  // namespace

ComparedNetworks::ComparedNetworks(const QuantizedModel& quantized, const QuantizedModel& float_network)
    : model(quantized),
      real(float_network),
      whole(without_transforms(quantized)),
      model_runners(node_runners(model)),
      real_runners(node_runners(real)),
      whole_runners(node_runners(whole)) {}

NodeErrors::NodeErrors(const ComparedNetworks& networks)
    : n_(networks), real_(n_.real), quantized_(n_.model), coded_(n_.model), partial_(n_.real, n_.real_runners, real_) {}

void NodeErrors::measure(const ImageSet& images, std::int64_t index, bool scores, Sums& sums) {
  image_.resize(static_cast<std::size_t>(element_count(graph().shape(graph().input))));
  images.image(index, image_);
  real_.run(n_.real_runners, image_);
  quantized_.run(n_.model_runners, image_);
  decoded_.resize(graph().values.size());
  code_value(graph().input, sums);
  for (const Node& node : graph().nodes) code_value(node.output, sums);
  for (std::size_t i = 0; i < graph().nodes.size(); ++i) measure_node(static_cast<int>(i), scores, sums.nodes[i]);
}

// Codes a value of the float network as the model codes it, and back.
void NodeErrors::code_value(ValueId id, Sums& sums) {
  const std::vector<float> x = real_.real(id);
  std::vector<float>& back = decoded_[static_cast<std::size_t>(id)];
  const bool is_signed = code(id).type == DType::s8;
  if (code(id).type == DType::f32) {
    std::copy(x.begin(), x.end(), static_cast<float*>(coded_.value(id)));
    back = x;
    return;
  }
  reference::quantize(x.data(), static_cast<std::int64_t>(x.size()), code(id), coded_.value(id));
  back = coded_.real(id);
  CodeSums& s = sums.values[static_cast<std::size_t>(id)];
  const auto* patterns = static_cast<const std::uint8_t*>(coded_.value(id));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const int q = is_signed ? std::abs(int{static_cast<std::int8_t>(patterns[i])}) : patterns[i];
    const bool end = q >= (is_signed ? 127 : 255);
    const double d = static_cast<double>(x[i]) - back[i];
    s.zeros += q == 0;
    s.small += q > 0 && q < 4;
    s.saturated += end;
    s.error += d * d;
    if (end) s.clip_error += d * d;
  }
  s.count += static_cast<double>(x.size());
}

std::vector<float> NodeErrors::run(const std::vector<NodeRunner>& runners, int index,
                                   const std::vector<const void*>& inputs) {
  const ValueId out = graph().nodes[static_cast<std::size_t>(index)].output;
  scratch_.resize(stored_bytes(n_.model, out));
  runners[static_cast<std::size_t>(index)].run(inputs, scratch_.data());
  return real_value(n_.model, out, scratch_.data());
}

void NodeErrors::measure_node(int index, bool scores, NodeSums& s) {
  const Node& node = graph().nodes[static_cast<std::size_t>(index)];
  const std::vector<float> y = real_.real(node.output);
  for (const float v : y) s.signal += static_cast<double>(v) * v;
  s.accumulated = squared_distance(y, quantized_.real(node.output));
  const std::vector<const void*> coded = coded_.inputs(index);
  const std::vector<float> alone = run(n_.model_runners, index, coded);
  s.alone = squared_distance(y, alone);
  if (scores) {
    const std::vector<float> wanted = real_.real(graph().output);
    for (const float v : wanted) s.score_signal += static_cast<double>(v) * v;
    std::copy(alone.begin(), alone.end(), static_cast<float*>(partial_.output(index)));
    partial_.run(index);
    s.scores = squared_distance(wanted, real_value(n_.real, graph().output, partial_.value(graph().output)));
  }

  // From the float node to the integer one step by step: coded inputs, coded output, integer weights, transform. Each
  // step's change is one part.
  std::vector<const void*> decoded;
  for (const ValueId id : node.inputs) decoded.push_back(decoded_[static_cast<std::size_t>(id)].data());
  std::vector<float> stepped(y.size());
  n_.real_runners[static_cast<std::size_t>(index)].run(decoded, stepped.data());
  s.input = squared_distance(y, stepped);
  s.output = squared_distance(y, decoded_[static_cast<std::size_t>(node.output)]);
  if (code(node.output).type != DType::f32) {
    scratch_.resize(y.size());
    reference::quantize(stepped.data(), static_cast<std::int64_t>(y.size()), code(node.output), scratch_.data());
    stepped = real_value(n_.model, node.output, scratch_.data());
  }
  const LayerCode& layer = n_.model.layers[static_cast<std::size_t>(index)];
  const bool transforms = layer.integer && layer.transform.active;
  const std::vector<float> whole = transforms ? run(n_.whole_runners, index, coded) : alone;
  s.weights = squared_distance(stepped, whole);
  if (!transforms) return;
  s.window = squared_distance(whole, alone);
  s.effect = window_effect(n_.model, index, static_cast<const std::uint8_t*>(coded[0]));
}

}  // namespace bitsieve
