#include "quant/value_digests.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

namespace bitsieve {
namespace {

// input -> first (integers) -> second (integers, SPARQ) -> third (float), and a branch: first -> side (integers).
QuantizedModel network() {
  QuantizedModel model;
  Graph& graph = model.graph;
  graph.input = graph.add_value("input", {2, 4, 4});
  const auto conv = [&](const std::string& name, ValueId input, bool integer) {
    Node node{};
    node.op = Op::conv;
    node.name = name;
    node.inputs = {input};
    node.params = {Tensor({2, 2, 1, 1}, 0.5f)};
    node.output = graph.add_value(name + "_out", {2, 4, 4});
    graph.nodes.push_back(node);
    LayerCode layer;
    layer.integer = integer;
    if (integer) {
      layer.weight = {1, 2, 3, 4};
      layer.weight_scale = layer.multiplier = {0.5f, 0.25f};
      layer.bias = {0, 1};
    }
    model.layers.push_back(layer);
    return node.output;
  };
  const ValueId first = conv("first", graph.input, true);
  conv("side", first, true);
  graph.output = conv("third", conv("second", first, true), false);
  model.layers[2].transform = {true, {1, 2}, {3, 4}, true, false};
  model.values.resize(graph.values.size(), {DType::u8, 0.5f});
  model.values.back() = {};
  return model;
}

// Names of the values whose digests differ from those of network().
std::string changed(const std::function<void(QuantizedModel&)>& change) {
  const QuantizedModel before = network();
  QuantizedModel after = network();
  change(after);
  const auto a = value_digests(before), b = value_digests(after);
  std::string names;
  for (std::size_t id = 0; id < a.size(); ++id) {
    if (a[id] != b[id]) names += (names.empty() ? "" : " ") + before.graph.values[id].name;
  }
  return names;
}

constexpr std::size_t first = 0, side = 1, second = 2, third = 3;  // nodes
const std::string all = "input first_out side_out second_out third_out", behind_first = all.substr(6),
                  behind_second = "second_out third_out";

TEST(ValueDigests, OfTheSameModelAreTheSameAndNoTwoValuesShareOne) {
  EXPECT_EQ(changed([](QuantizedModel&) {}), "");
  const auto digests = value_digests(network());
  for (std::size_t i = 0; i < digests.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(digests[i], digests[j]);
  }
}

TEST(ValueDigests, EveryPartThatDecidesAValueChangesItAndAllBehind) {
  EXPECT_EQ(changed([](auto& m) { ++m.layers[first].weight.edit()[3]; }), behind_first);
  EXPECT_EQ(changed([](auto& m) { ++m.layers[first].bias[1]; }), behind_first);
  EXPECT_EQ(changed([](auto& m) { m.layers[first].multiplier[1] *= 1.0001f; }), behind_first);
  EXPECT_EQ(changed([](auto& m) { m.layers[first].lo = 1; }), behind_first);
  EXPECT_EQ(changed([](auto& m) { m.layers[first].hi = 254; }), behind_first);
  EXPECT_EQ(changed([](auto& m) { m.layers[first].integer = false; }), behind_first);
  EXPECT_EQ(changed([](auto& m) { m.layers[second].operand = {1}; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { m.layers[second].constant = {1}; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { m.layers[second].table = {1}; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { m.values[1].scale *= 2; }), behind_first);
  EXPECT_EQ(changed([](auto& m) { m.values[1].type = DType::s8; }), behind_first);
  EXPECT_EQ(changed([](auto& m) { m.values[0].scale *= 2; }), all);
  EXPECT_EQ(changed([](auto& m) { m.graph.values[0].shape = {2, 2, 8}; }), all);
  EXPECT_EQ(changed([](auto& m) { m.graph.nodes[second].clamp_lo = 0; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { m.graph.nodes[second].attributes.window.stride[1] = 2; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { m.graph.nodes[second].attributes.axis = 1; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { m.graph.nodes[second].op = Op::relu; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { m.graph.nodes[third].params[0].data[0] += 1; }), "third_out");
  EXPECT_EQ(changed([](auto& m) { m.graph.nodes[third].params.push_back(Tensor({2}, 0.0f)); }), "third_out");
  EXPECT_EQ(changed([](auto& m) { m.graph.nodes[third].inputs = {1}; }), "third_out");
}

// The window belongs to the layer that reads through it.
TEST(ValueDigests, AnotherActivationCodeLeavesTheValueThatIsRead) {
  EXPECT_EQ(changed([](auto& m) { m.layers[second].transform.active = false; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { m.layers[second].transform.pair[200] ^= 1; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { m.layers[second].transform.lone[200] ^= 1; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { m.layers[second].transform.paired ^= true; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { m.layers[second].transform.two_of_four ^= true; }), behind_second);
  EXPECT_EQ(changed([](auto& m) { ++m.layers[side].weight.edit()[0]; }), "side_out");
}

TEST(ValueDigests, WhatDecidesNothingDoesNotCount) {
  EXPECT_EQ(changed([](auto& m) {
              m.graph.name = "another";
              for (Value& value : m.graph.values) value.name += "_";
              for (Node& node : m.graph.nodes) node.name += "_";
              LayerCode& layer = m.layers[first];
              layer.weight_code = "int4";
              layer.act_code = "act4-uniform";
              layer.weight_bits = layer.act_bits = 4;
              layer.weight_scale[0] = 3;
              layer.transform.pair[200] ^= 1;              // of a transform that is not active
              m.graph.nodes[first].params[0].data[0] = 9;  // float weights beside integers
              m.layers[third].weight = {1, 2, 3};          // integers of a float layer
              m.values[m.values.size() - 1].scale = 7;     // of a value in float
            }),
            "");
}

TEST(ValueDigests, ConstantsCountByTheirContents) {
  const auto with = [](float constant, const std::string& name) {
    QuantizedModel model = network();
    Graph& graph = model.graph;
    const ValueId id = graph.add_value(name, {2, 1, 1});
    graph.values.back().constant = std::make_shared<Tensor>(Shape{2, 1, 1}, constant);
    Node node{};
    node.op = Op::add;
    node.name = "add";
    node.inputs = {graph.output, id};
    node.output = graph.output = graph.add_value("sum", {2, 4, 4});
    graph.nodes.push_back(node);
    model.values.resize(graph.values.size());
    model.layers.emplace_back();
    return value_digests(model).back();
  };
  EXPECT_EQ(with(1, "one"), with(1, "uno"));
  EXPECT_NE(with(1, "one"), with(2, "one"));
}

}  // namespace
}  // namespace bitsieve
