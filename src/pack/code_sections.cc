#include "pack/code_sections.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "methods/swis/stream.h"
#include "pack/check.h"
#include "pack/check_shifts.h"
#include "pack/container.h"
#include "pack/packed_weights.h"

namespace bitsieve::pack {
namespace {

static_assert(static_cast<int>(DType::f32) == 0 && static_cast<int>(DType::u8) == 1 && static_cast<int>(DType::s8) == 2,
              "these numbers are in files");
constexpr std::uint32_t no_transform = 0xffffffff;
constexpr std::uint8_t flag_paired = 1, flag_two_of_four = 2;
// How the integers of a layer's weights are stored. 2 is kept for the bit planes of BSQ.
constexpr std::uint8_t form_numbers = 0, form_shifts = 1;
constexpr std::uint8_t flag_consecutive = 1, flag_one_group = 2, flag_scheduled = 4;
constexpr std::size_t transform_bytes = 1 + 2 * 256, table_bytes = 256;

std::string encode_transform(const ActivationTransform& t) {
  ByteWriter out;
  out.put(static_cast<std::uint8_t>((t.paired ? flag_paired : 0) | (t.two_of_four ? flag_two_of_four : 0)));
  for (const auto* table : {&t.pair, &t.lone}) {
    for (const std::uint8_t byte : *table) out.put(byte);
  }
  return out.bytes();
}

ActivationTransform decode_transform(ByteReader& in) {
  ActivationTransform t;
  t.active = true;
  const auto flags = in.get<std::uint8_t>();
  if ((flags & ~(flag_paired | flag_two_of_four)) != 0) fail("{}: flags {} of a transform", in.what(), flags);
  t.paired = (flags & flag_paired) != 0;
  t.two_of_four = (flags & flag_two_of_four) != 0;
  for (auto* table : {&t.pair, &t.lone}) {
    const std::string_view bytes = in.raw(table->size());
    std::transform(bytes.begin(), bytes.end(), table->begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  }
  return t;
}

// Layers share few transforms: each is written once.
std::size_t index_of(std::vector<std::string>& known, const std::string& transform) {
  const auto found = std::find(known.begin(), known.end(), transform);
  if (found != known.end()) return static_cast<std::size_t>(found - known.begin());
  known.push_back(transform);
  return known.size() - 1;
}

void encode_form(const SharedShifts& code, ByteWriter& out) {
  out.put(code.active() ? form_shifts : form_numbers);
  if (!code.active()) return;
  const bool scheduled = is_scheduled(code);
  out.put(static_cast<std::uint8_t>((code.consecutive ? flag_consecutive : 0) | (code.one_group ? flag_one_group : 0) |
                                    (scheduled ? flag_scheduled : 0)));
  out.put(static_cast<std::uint8_t>(code.group));
  out.put(static_cast<std::uint8_t>(scheduled ? 0 : code.shifts[0]));
  out.put(static_cast<std::uint16_t>(code.columns));
  out.put(static_cast<std::uint32_t>(code.run));
}

// Everything but what is in the stream. Returns whether that starts with a schedule.
bool decode_form(ByteReader& in, const Node& node, SharedShifts& code) {
  const auto form = in.get<std::uint8_t>();
  if (form == form_numbers) return false;
  if (form != form_shifts) fail("node '{}': form {} of weights is unknown", node.name, form);
  const auto flags = in.get<std::uint8_t>();
  if ((flags & ~(flag_consecutive | flag_one_group | flag_scheduled)) != 0)
    fail("node '{}': flags {} of shared shifts", node.name, flags);
  code.consecutive = (flags & flag_consecutive) != 0;
  code.one_group = (flags & flag_one_group) != 0;
  const bool scheduled = (flags & flag_scheduled) != 0;
  code.group = in.get<std::uint8_t>();
  code.shifts = {in.get<std::uint8_t>()};
  code.columns = in.get<std::uint16_t>();
  code.run = in.get<std::uint32_t>();
  if (!code.active()) fail("node '{}': shared shifts in groups of 0", node.name);
  if (scheduled && code.shifts[0] != 0) fail("node '{}': a number of shifts beside a schedule", node.name);
  return scheduled;
}

void encode_layer(const Node& node, const LayerCode& layer, std::vector<std::string>& transforms, ByteWriter& out) {
  out.put(static_cast<std::uint8_t>(layer.integer));
  if (has_weights(node)) {
    out.text(layer.weight_code);
    out.text(layer.act_code);
    out.put(static_cast<std::uint8_t>(layer.weight_bits));
    out.put(static_cast<std::uint8_t>(layer.act_bits));
    const bool active = layer.transform.active;
    out.put(active ? static_cast<std::uint32_t>(index_of(transforms, encode_transform(layer.transform)))
                   : no_transform);
  }
  if (!layer.integer) return;
  if (has_weights(node)) encode_form(layer.shifts, out);
  out.put(layer.lo);
  out.put(layer.hi);
  out.count(layer.multiplier.size());
  out.put(static_cast<std::uint8_t>(layer.operand.size()));
  out.array(layer.operand);
  out.put(static_cast<std::uint8_t>(!layer.table.empty()));
  out.array(layer.table);
  out.count(layer.constant.size());
  out.array(layer.constant);
}

// What a layer says of the other sections.
struct LayerExtent {
  std::uint32_t multipliers = 0;  // in NUMB
  bool scheduled = false;         // in WGHT, before the groups
};

LayerExtent decode_layer(ByteReader& in, const Node& node, const std::vector<ActivationTransform>& transforms,
                         LayerCode& layer) {
  layer.integer = in.flag();
  if (has_weights(node)) {
    layer.weight_code = in.text();
    layer.act_code = in.text();
    layer.weight_bits = in.get<std::uint8_t>();
    layer.act_bits = in.get<std::uint8_t>();
    const auto transform = in.get<std::uint32_t>();
    if (transform != no_transform) {
      if (transform >= transforms.size())
        fail("node '{}': transform {} of {}", node.name, transform, transforms.size());
      layer.transform = transforms[transform];
    }
  }
  if (!layer.integer) return {};
  const bool scheduled = has_weights(node) && decode_form(in, node, layer.shifts);
  layer.lo = in.get<std::int32_t>();
  layer.hi = in.get<std::int32_t>();
  const auto multipliers = in.get<std::uint32_t>();
  layer.operand = in.array<std::int32_t>(in.get<std::uint8_t>());
  if (in.flag()) layer.table = in.array<std::uint8_t>(table_bytes);
  layer.constant = in.array<std::int8_t>(in.count(1, "constants"));
  return {multipliers, scheduled};
}

Tensor shape_alone(Shape shape) {
  Tensor tensor;
  tensor.shape = std::move(shape);
  return tensor;
}

// What the integers stand for, in the layout of Node::params.
void rebuild_params(const Shape& shape, float input_scale, const LayerCode& layer, Node& node) {
  Tensor weight(shape), bias(Shape{shape[0]});
  const std::int64_t k = element_count(shape) / shape[0], depth = shape[1], taps = k / depth;
  for (std::int64_t o = 0; o < shape[0]; ++o) {
    const auto at = static_cast<std::size_t>(o);
    const float scale = layer.weight_scale[at];
    for (std::int64_t j = 0; j < k; ++j) {
      // K order is tap, channel; a tensor's is channel, tap.
      weight.data[static_cast<std::size_t>(o * k + j % depth * taps + j / depth)] =
          static_cast<float>(layer.weight[static_cast<std::size_t>(o * k + j)]) * scale;
    }
    bias.data[at] = static_cast<float>(static_cast<double>(layer.bias[at]) * input_scale * scale);
  }
  node.params = {std::move(weight), std::move(bias)};
}

IntegerWeights decode_weights(const Node& node, LayerCode& layer, bool scheduled, std::int64_t outputs, std::int64_t k,
                              ByteReader& weights, const std::shared_ptr<const FileMap>& file) {
  weights.align(alignment);
  if (!layer.shifts.active()) {
    const std::int64_t count = outputs * k;
    const std::string_view bytes = weights.raw(packed_size(count, layer.weight_bits));
    if (file && layer.weight_bits == 8)  // they are what the file holds
      return {file, reinterpret_cast<const std::int8_t*>(bytes.data()), bytes.size()};
    return unpack_weights(bytes, count, layer.weight_bits);
  }
  check_shifts_form(layer.shifts, scheduled, outputs, k, fmt::format("node '{}'", node.name));
  const auto size = weights.get<std::uint64_t>();
  try {
    return swis::decode_stream(weights.raw(size), scheduled, layer.shifts, outputs, k);
  } catch (const Error& error) {
    fail("node '{}': {}", node.name, error.what());
  }
}

void decode_parameters(QuantizedModel& model, std::size_t i, bool has_bias, const LayerExtent& extent,
                       ByteReader& numbers, ByteReader& weights, FloatWeights floats,
                       const std::shared_ptr<const FileMap>& file) {
  Node& node = model.graph.nodes[i];
  LayerCode& layer = model.layers[i];
  if (has_weights(node)) {
    const Shape shape = weight_shape(model.graph, node);
    if (std::any_of(shape.begin(), shape.end(), [](std::int64_t extent) { return extent < 1; })) {
      fail("node '{}': weights of {}", node.name, to_string(shape));
    }
    const std::int64_t count = element_count(shape);
    const auto outputs = static_cast<std::uint64_t>(shape[0]);
    if (!layer.integer) {
      node.params.emplace_back(shape, numbers.array<float>(static_cast<std::uint64_t>(count)));
      if (has_bias) node.params.emplace_back(Shape{shape[0]}, numbers.array<float>(outputs));
      return;
    }
    if (has_bias) fail("node '{}': an integer layer with a float bias", node.name);
    if (layer.weight_bits < 2 || layer.weight_bits > 8)
      fail("node '{}': {} bits a weight", node.name, layer.weight_bits);
    layer.weight_scale = numbers.array<float>(outputs);
    layer.bias = numbers.array<std::int32_t>(outputs);
    layer.weight = decode_weights(node, layer, extent.scheduled, shape[0], count / shape[0], weights, file);
    if (floats == FloatWeights::left_out) {
      node.params = {shape_alone(shape), shape_alone({shape[0]})};
    } else {
      rebuild_params(shape, model.values[static_cast<std::size_t>(node.inputs[0])].scale, layer, node);
    }
  }
  layer.multiplier = numbers.array<float>(extent.multipliers);
}

}  // namespace

CodeSections encode_codes(const QuantizedModel& model) {
  const Graph& graph = model.graph;
  ByteWriter code, numbers, weights, layers;
  std::vector<std::string> transforms;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    encode_layer(graph.nodes[i], model.layers[i], transforms, layers);
  code.count(transforms.size());
  for (const std::string& transform : transforms) code.raw(transform);
  for (const ValueCode& value : model.values) {
    code.put(static_cast<std::uint8_t>(value.type));
    code.put(value.scale);
  }
  code.raw(layers.bytes());

  for (const Value& value : graph.values) {
    if (value.constant) numbers.array(value.constant->data);
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const LayerCode& layer = model.layers[i];
    if (!layer.integer) {
      for (const Tensor& t : graph.nodes[i].params) numbers.array(t.data);
      continue;
    }
    numbers.array(layer.weight_scale);
    numbers.array(layer.bias);
    numbers.array(layer.multiplier);
    if (!has_weights(graph.nodes[i])) continue;
    weights.align(alignment);
    if (layer.shifts.active()) {
      const std::string stream =
          swis::encode_stream(layer.shifts, layer.weight, static_cast<std::int64_t>(layer.weight_scale.size()));
      weights.put(static_cast<std::uint64_t>(stream.size()));
      weights.raw(stream);
    } else {
      weights.raw(pack_weights(layer.weight, layer.weight_bits));
    }
  }
  return {code.bytes(), numbers.bytes(), weights.bytes()};
}

QuantizedModel decode_codes(GraphStructure structure, std::string_view code, std::string_view numbers_section,
                            std::string_view weights_section, FloatWeights floats,
                            const std::shared_ptr<const FileMap>& file) {
  ByteReader in(code, "section CODE"), numbers(numbers_section, "section NUMB"),
      weights(weights_section, "section WGHT");
  QuantizedModel model;
  model.graph = std::move(structure.graph);
  Graph& graph = model.graph;
  std::vector<ActivationTransform> transforms;
  const std::size_t count = in.count(transform_bytes, "transforms");
  for (std::size_t i = 0; i < count; ++i) transforms.push_back(decode_transform(in));
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const auto type = in.get<std::uint8_t>();
    if (type > static_cast<std::uint8_t>(DType::s8)) fail("value '{}': type {} is unknown", graph.values[i].name, type);
    model.values.push_back({static_cast<DType>(type), in.get<float>()});
  }
  std::vector<LayerExtent> extents;
  for (const Node& node : graph.nodes)
    extents.push_back(decode_layer(in, node, transforms, model.layers.emplace_back()));
  in.finish();

  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    Value& value = graph.values[i];
    if (!structure.constant[i]) continue;
    const auto size = static_cast<std::uint64_t>(element_count(value.shape));
    value.constant = std::make_shared<const Tensor>(value.shape, numbers.array<float>(size));
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    decode_parameters(model, i, structure.bias[i], extents[i], numbers, weights, floats, file);
  }
  numbers.finish();
  weights.finish();
  return model;
}

}  // namespace bitsieve::pack
