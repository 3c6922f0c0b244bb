#include "accel/layer.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bitsieve::accel {
namespace {

// One convolution of 2 to 3 channels, 3 x 3, on 5 x 4.
QuantizedModel model_of(DType type, const std::vector<int>& levels) {
  QuantizedModel model;
  model.graph.name = "one";
  model.graph.values = {{"x", {2, 5, 4}, {}}, {"y", {3, 3, 2}, {}}};
  model.graph.input = 0;
  Node node;
  node.op = Op::conv;
  node.name = "conv";
  node.inputs = {0};
  node.output = 1;
  node.attributes.window.kernel = {3, 3};
  node.params = {Tensor{{3, 2, 3, 3}, std::vector<float>(54, 1)}};
  model.graph.nodes = {node};
  model.values = {{type, 1}, {DType::u8, 1}};
  LayerCode code;
  code.integer = true;
  code.weight_bits = 5;
  code.act_bits = 4;
  code.weight.edit().assign(54, 1);
  code.transform.active = !levels.empty();
  for (std::size_t x = 0; x < 256 && !levels.empty(); ++x)
    code.transform.pair[x] = static_cast<std::uint8_t>(levels[x * levels.size() / 256]);
  model.layers = {code};
  return model;
}

TEST(LayersOf, HaveTheNetworksShapes) {
  const QuantizedModel model = model_of(DType::u8, {});
  const Layer layer = layers_of(model).at(0);
  EXPECT_EQ(layer.name, "conv");
  EXPECT_EQ(layer.pixels, 6);
  EXPECT_EQ(layer.filters, 3);
  EXPECT_EQ(layer.taps, 9);
  EXPECT_EQ(layer.channels, 2);
  EXPECT_EQ(layer.input_values, 40);
  EXPECT_EQ(layer.output_values, 18);
  EXPECT_EQ(layer.macs(), 18 * 18);
  EXPECT_EQ(layer.weight_bits, 5);
  EXPECT_EQ(layer.activation_bits, 8);
  EXPECT_EQ(layer.image, (std::array<std::int64_t, 2>{5, 4}));
}

// Few bits only where every level is a whole multiple of a step.
TEST(LayersOf, KnowHowManyBitsLevelsTake) {
  std::vector<int> sixteen;
  for (int q = 0; q < 16; ++q) sixteen.push_back(17 * q);
  const QuantizedModel four = model_of(DType::u8, sixteen);
  Layer layer = layers_of(four).at(0);
  EXPECT_EQ(layer.activation_bits, 4);
  EXPECT_EQ(layer.activation_step, 17);
  const std::vector<std::uint8_t> stored = {0, 15, 16, 255, 128};
  EXPECT_EQ(read_values(layer, stored), (std::vector<std::uint8_t>{0, 0, 1, 15, 8}));
  EXPECT_EQ(layers_of(model_of(DType::u8, {0, 36, 73, 255})).at(0).activation_bits, 8);
  const QuantizedModel ternary = model_of(DType::s8, {0, 127, 129, 129});  // 129: -127
  layer = layers_of(ternary).at(0);
  EXPECT_EQ(layer.activation_bits, 2);
  EXPECT_EQ(layer.activation_step, 127);
  EXPECT_EQ(read_values(layer, stored), (std::vector<std::uint8_t>{0, 0, 0, 255, 255}));
}

TEST(LayersOf, RefuseFloatLayers) {
  QuantizedModel model = model_of(DType::u8, {});
  model.layers[0].integer = false;
  EXPECT_THROW(layers_of(model), Error);
}

}  // namespace
}  // namespace bitsieve::accel
