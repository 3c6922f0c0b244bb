#include "quant/value_digests.h"

#include <string_view>
#include <type_traits>

namespace bitsieve {
namespace {

// Structured bindings name every member of what is hashed: a member added later does not compile before it is looked
// at here.
class Hasher {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void add(const T& x) { hash_.update({reinterpret_cast<const char*>(&x), sizeof x}); }
  // Lengths are hashed too, so that no two lists run into each other.
  template <class T>
  void add(const std::vector<T>& list) {
    add(list.size());
    hash_.update({reinterpret_cast<const char*>(list.data()), list.size() * sizeof(T)});
  }
  template <class T, std::size_t n>
  void add(const std::array<T, n>& list) {
    hash_.update({reinterpret_cast<const char*>(list.data()), n * sizeof(T)});
  }
  void add(const Tensor& tensor) {
    add(tensor.shape);
    add(tensor.data);
  }
  void add(const IntegerWeights& weights) {
    add(weights.size());
    hash_.update({reinterpret_cast<const char*>(weights.data()), weights.size()});
  }
  void add(const ValueCode& code) {
    const auto& [type, scale] = code;
    add(type);
    if (type != DType::f32) add(scale);
  }
  void add(const Attributes& attributes) {
    const auto& [window, alpha, beta, lo, hi, epsilon, value, axis, keep_dims, axes, starts, ends, steps, before,
                 after] = attributes;
    const auto& [kernel, stride, dilation, pad_before, pad_after, groups, count_include_pad] = window;
    add_all(kernel, stride, dilation, pad_before, pad_after, groups, count_include_pad);
    add_all(alpha, beta, lo, hi, epsilon, value, axis, keep_dims, axes, starts, ends, steps, before, after);
  }
  void add(const ActivationTransform& transform) {
    const auto& [active, pair, lone, paired, two_of_four] = transform;
    add(active);
    if (active) add_all(pair, lone, paired, two_of_four);
  }
  void add(const LayerCode& layer) {
    [[maybe_unused]] const auto& [integer, weight_code, act_code, weight_bits, act_bits, transform, weight, shifts,
                                  weight_scale, bias, multiplier, operand, constant, lo, hi, table] = layer;
    add(integer);
    if (integer) add_all(transform, weight, bias, multiplier, operand, constant, lo, hi, table);
  }
  void add(const Node& node, bool integer) {
    [[maybe_unused]] const auto& [op, name, inputs, output, attributes, params, clamp_lo, clamp_hi, norm] = node;
    add_all(op, attributes, clamp_lo, clamp_hi);
    if (integer) return;
    add(params.size());
    for (const Tensor& tensor : params) add(tensor);
  }
  template <class... Parts>
  void add_all(const Parts&... parts) {
    (add(parts), ...);
  }
  Digest digest() const { return hash_.digest(); }

 private:
  ContentHash hash_;
};

enum class Kind : std::uint8_t { image, constant, computed };

}  // namespace

std::vector<Digest> value_digests(const QuantizedModel& model) {
  const Graph& graph = model.graph;
  std::vector<Digest> digests(graph.values.size());
  const auto start = [&](Kind kind, std::size_t id) {
    Hasher hash;
    hash.add_all(kind, graph.values[id].shape, model.values[id]);
    return hash;
  };
  for (std::size_t id = 0; id < digests.size(); ++id) {
    if (!graph.values[id].constant) continue;
    Hasher hash = start(Kind::constant, id);
    hash.add(*graph.values[id].constant);
    digests[id] = hash.digest();
  }
  const auto input = static_cast<std::size_t>(graph.input);
  digests[input] = start(Kind::image, input).digest();
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const auto output = static_cast<std::size_t>(node.output);
    Hasher hash = start(Kind::computed, output);
    hash.add(node, model.layers[i].integer);
    hash.add(model.layers[i]);
    hash.add(node.inputs.size());
    for (const ValueId id : node.inputs) hash.add(digests[static_cast<std::size_t>(id)]);
    digests[output] = hash.digest();
  }
  return digests;
}

}  // namespace bitsieve
