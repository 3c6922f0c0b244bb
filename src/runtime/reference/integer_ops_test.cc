// What integer nodes without weights compute, in numbers worked out by hand; by every executor of this machine.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "quant/model.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

using Codes = std::vector<int>;

// The node under test behind an input of 8-bit values and, where it has two operands, a multiple of them.
class OneNode {
 public:
  OneNode(Shape shape, DType type) {
    model_.graph.name = "one node";
    model_.graph.input = add("input", std::move(shape), type);
  }

  ValueId add(const char* name, Shape shape, DType type) {
    model_.values.push_back({type, 1.0f});
    return model_.graph.add_value(name, std::move(shape));
  }

  // The 256 results of a table are `scale` times the value.
  ValueId scaled(int scale, DType type) {
    Node node{};
    node.op = Op::relu;
    node.name = "scaled";
    node.inputs = {model_.graph.input};
    LayerCode layer;
    for (int pattern = 0; pattern < 256; ++pattern) {
      const bool is_signed = model_.values[0].type == DType::s8;
      const int x = is_signed ? static_cast<std::int8_t>(pattern) : pattern;
      layer.table.push_back(static_cast<std::uint8_t>(scale * x));
    }
    return push(std::move(node), std::move(layer), type);
  }

  ValueId push(Node node, LayerCode layer, DType type) {
    layer.integer = true;
    layer.lo = std::max(layer.lo, type == DType::s8 ? -127 : 0);
    layer.hi = std::min(layer.hi, type == DType::s8 ? 127 : 255);
    node.output = add(node.name.c_str(), {}, type);
    model_.graph.values.back().shape = infer_shape(model_.graph, node);
    model_.graph.output = node.output;
    model_.graph.nodes.push_back(std::move(node));
    model_.layers.push_back(std::move(layer));
    return model_.graph.output;
  }

  // The last node's integers for an input of these codes, both in storage order (channel-last).
  void expect(const Codes& x, const Codes& wanted) const {
    const ValueId out = model_.graph.output;
    std::vector<ExecutorOptions> executors{{.reference = true}};
    for (const Isa isa : isas()) {
      if (isa_supported(isa)) executors.push_back({.isa = isa});
    }
    for (const ExecutorOptions& how : executors) {
      const Executor executor(model_, how);
      Executor::Workspace workspace;
      std::vector<float> scores;
      Codes got;
      executor.run(std::vector<float>(x.begin(), x.end()), workspace, scores, [&](ValueId id, const void* data) {
        if (id != out) return;
        for (std::int64_t i = 0; i < element_count(model_.graph.shape(id)); ++i) {
          const std::uint8_t byte = static_cast<const std::uint8_t*>(data)[i];
          got.push_back(model_.values[static_cast<std::size_t>(id)].type == DType::s8 ? static_cast<std::int8_t>(byte)
                                                                                      : byte);
        }
      });
      EXPECT_EQ(got, wanted) << executor.kernel(static_cast<int>(model_.graph.nodes.size()) - 1);
    }
  }

  ValueId input() const { return model_.graph.input; }

 private:
  QuantizedModel model_;
};

Node make(Op op, std::vector<ValueId> inputs) {
  Node node{};
  node.op = op;
  node.name = "node";
  node.inputs = std::move(inputs);
  return node;
}

LayerCode multipliers(std::vector<float> values) {
  LayerCode layer;
  layer.multiplier = std::move(values);
  return layer;
}

// y = (3 x + 2 (2 x)) / 4 = 1.75 x: 1.75, 3.5 (to 4), 5.25, 7, 8.75, 10.5 (to 10), 12.25.
TEST(IntegerAdd, WeighsOperandsAndRoundsTiesToEven) {
  OneNode n({7}, DType::u8);
  LayerCode layer = multipliers({0.25f});
  layer.operand = {3, 2};
  n.push(make(Op::add, {n.input(), n.scaled(2, DType::u8)}), layer, DType::u8);
  n.expect({1, 2, 3, 4, 5, 6, 7}, {2, 4, 5, 7, 9, 10, 12});
  n.expect({0, 64, 127, 100, 120, 110, 2}, {0, 112, 222, 175, 210, 192, 4});  // 222.25; 192.5 to 192
}

// y = (x - 3 x) / 4 = -0.5 x, and the clamp of a fused relu.
TEST(IntegerAdd, SignedAndClamped) {
  OneNode n({6}, DType::s8);
  LayerCode layer = multipliers({0.25f});
  layer.operand = {1, -3};
  const ValueId same = n.scaled(1, DType::s8);
  n.push(make(Op::sub, {n.input(), same}), layer, DType::s8);
  n.expect({-5, -3, -1, 1, 3, 127}, {2, 2, 0, 0, -2, -64});  // 2.5, 1.5, 0.5, -0.5, -1.5, -63.5
  OneNode relu({6}, DType::s8);
  layer.operand = {4, 8};
  layer.hi = 96;
  const ValueId again = relu.scaled(1, DType::s8);
  relu.push(make(Op::add, {relu.input(), again}), layer, DType::u8);  // 3 x
  relu.expect({-127, -1, 0, 31, 32, 33}, {0, 0, 0, 93, 96, 96});
}

// Channels of x at scale 1 and of 2 x at half of it: each input has its own way to the output's scale.
TEST(IntegerConcat, TakesEveryInputToTheScaleOfTheOutput) {
  OneNode n({2, 1, 2}, DType::u8);
  Node node = make(Op::concat, {n.input(), n.scaled(2, DType::u8)});
  node.attributes.axis = 0;
  n.push(node, multipliers({1, 0.25f}), DType::u8);
  // Pixels (1, 5) and (3, 7) become (1, 5, 2/4, 10/4) and (3, 7, 6/4, 14/4).
  n.expect({1, 5, 3, 7}, {1, 5, 0, 2, 3, 7, 2, 4});
  n.expect({0, 127, 120, 255}, {0, 127, 0, 64, 120, 255, 60, 64});  // 254/4 = 63.5; 2 x 255 has the pattern 254
}

// Plane 1 2 3 / 4 5 6 / 7 8 10, windows of 2x2 every 2, one row and column of padding before:
// {1}, {2, 3}, {4, 7}, {5, 6, 8, 10}.
Node pool(Op op, ValueId in, bool count_include_pad) {
  Node node = make(op, {in});
  node.attributes.window.kernel = node.attributes.window.stride = {2, 2};
  node.attributes.window.pad_before = {1, 1};
  node.attributes.window.count_include_pad = count_include_pad;
  return node;
}
const Codes plane{1, 2, 3, 4, 5, 6, 7, 8, 10};
const std::vector<float> of_count{0, 1, 0.5f, 1.0f / 3, 0.25f};

TEST(IntegerAveragePool, WithoutThePadding) {
  OneNode n({1, 3, 3}, DType::u8);
  n.push(pool(Op::average_pool, n.input(), false), multipliers(of_count), DType::u8);
  n.expect(plane, {1, 2, 6, 7});  // 1, 2.5, 5.5, 7.25
}

TEST(IntegerAveragePool, WithThePadding) {
  OneNode n({1, 3, 3}, DType::u8);
  n.push(pool(Op::average_pool, n.input(), true), multipliers(of_count), DType::u8);
  n.expect(plane, {0, 1, 3, 7});  // 0.25, 1.25, 2.75, 7.25
}

TEST(IntegerAveragePool, SignedTies) {
  OneNode n({1, 3, 3}, DType::s8);
  n.push(pool(Op::average_pool, n.input(), false), multipliers(of_count), DType::s8);
  n.expect({-1, -2, -3, -4, -5, -6, -7, -8, -11}, {-1, -2, -6, -8});  // -1, -2.5, -5.5, -7.5
}

TEST(IntegerMaxPool, NeverTakesThePadding) {
  OneNode n({1, 3, 3}, DType::u8);
  n.push(pool(Op::max_pool, n.input(), false), multipliers({1}), DType::u8);
  n.expect(plane, {1, 3, 7, 10});
  n.expect({200, 0, 0, 0, 255, 0, 128, 127, 254}, {200, 0, 128, 255});
  OneNode s({1, 3, 3}, DType::s8);
  s.push(pool(Op::max_pool, s.input(), false), multipliers({1}), DType::s8);
  s.expect({-9, -2, -3, -4, -127, -6, -7, -8, -100}, {-9, -2, -4, -6});
}

// Means of four: sums 2, 6, 10, 14, 1020 and -6 over 4.
TEST(IntegerGlobalAverage, RoundsTiesToEven) {
  OneNode n({5, 2, 2}, DType::u8);
  Node node = make(Op::reduce_mean, {n.input()});
  node.attributes.axes = {1, 2};
  node.attributes.keep_dims = false;
  n.push(node, multipliers({0.25f}), DType::u8);
  n.expect({0, 1, 1, 14, 255, 0, 1, 2, 0, 255, 1, 2, 3, 0, 255, 1, 2, 4, 0, 255},
           {0, 2, 2, 4, 255});  // 0.5, 1.5, 2.5, 3.5
  OneNode s({1, 2, 2}, DType::s8);
  node.inputs = {s.input()};
  s.push(node, multipliers({0.25f}), DType::s8);
  s.expect({-1, -1, -3, -1}, {-2});  // -1.5
  s.expect({-127, 127, 1, 1}, {0});  // 0.5
}

}  // namespace
}  // namespace bitsieve
