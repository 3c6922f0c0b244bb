#include "runtime/plan.h"

#include <gtest/gtest.h>

#include <random>

namespace bitsieve {
namespace {

TEST(Plan, LiveValuesNeverOverlap) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> lifetimes;
    std::size_t all = 0;
    for (int i = 0; i < 30; ++i) {
      const int begin = static_cast<int>(random() % 20), length = static_cast<int>(random() % 6);
      lifetimes.push_back({random() % 5000, begin, begin + length});
      all += (lifetimes.back().bytes + 63) / 64 * 64;
    }
    const Plan plan = plan_memory(lifetimes);
    std::size_t most = 0;  // needed at once
    for (int t = 0; t < 26; ++t) {
      std::size_t now = 0;
      for (const Lifetime& l : lifetimes) now += l.begin <= t && t <= l.end ? (l.bytes + 63) / 64 * 64 : 0;
      most = std::max(most, now);
    }
    EXPECT_GE(plan.bytes, most);
    EXPECT_LT(plan.bytes, all);
    for (std::size_t i = 0; i < lifetimes.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 64, 0u);
      EXPECT_LE(plan.offsets[i] + lifetimes[i].bytes, plan.bytes);
      for (std::size_t j = 0; j < i; ++j) {
        const Lifetime &a = lifetimes[i], &b = lifetimes[j];
        if (a.bytes == 0 || b.bytes == 0 || a.end < b.begin || b.end < a.begin) continue;
        EXPECT_TRUE(plan.offsets[i] + a.bytes <= plan.offsets[j] || plan.offsets[j] + b.bytes <= plan.offsets[i]);
      }
    }
  }
}

// A chain of equal values needs two places, whatever its length.
TEST(Plan, ChainReusesMemory) {
  std::vector<Lifetime> lifetimes;
  for (int i = 0; i < 10; ++i) lifetimes.push_back({1000, i, i + 1});
  EXPECT_EQ(plan_memory(lifetimes).bytes, 2u * 1024);
}

TEST(Plan, InputAndOutputOfANodeAreApartAndTheOutputStays) {
  QuantizedModel model;
  Graph& graph = model.graph;
  graph.input = graph.add_value("x", {4, 2, 2});
  for (int i = 0; i < 3; ++i) {
    Node node;
    node.op = Op::relu;
    node.name = "r" + std::to_string(i);
    node.inputs = {i == 2 ? graph.input : static_cast<ValueId>(i)};  // the last one reads the input again
    node.output = graph.add_value("y" + std::to_string(i), {4, 2, 2});
    graph.nodes.push_back(node);
  }
  graph.output = graph.nodes[0].output;
  model.values.resize(graph.values.size());
  const auto lifetimes = value_lifetimes(model);
  EXPECT_EQ(lifetimes[0].begin, -1);
  EXPECT_EQ(lifetimes[0].end, 2);
  EXPECT_EQ(lifetimes[1].end, 3) << "the output outlives every node";
  EXPECT_EQ(lifetimes[2].begin, 1);
  EXPECT_EQ(lifetimes[2].end, 1) << "read by nobody";
  EXPECT_EQ(lifetimes[0].bytes, 64u);
}

// a -> b -> sum, a -> sum, where sum is the output; and dead, which nobody reads.
TEST(Rest, StopsAtKnownValues) {
  Graph graph;
  graph.input = graph.add_value("x", {4});
  const auto node = [&](const std::string& name, std::vector<ValueId> inputs) {
    Node n{};
    n.op = inputs.size() == 2 ? Op::add : Op::relu;
    n.inputs = std::move(inputs);
    n.output = graph.add_value(name, {4});
    graph.nodes.push_back(n);
    return n.output;
  };
  const ValueId a = node("a", {graph.input}), b = node("b", {a});
  node("dead", {b});
  graph.output = node("sum", {b, a});
  const auto rest = [&](const std::vector<ValueId>& ids) {
    std::vector<bool> known(graph.values.size());
    for (const ValueId id : ids) known[static_cast<std::size_t>(id)] = true;
    return rest_behind(graph, known);
  };
  using Bools = std::vector<bool>;
  EXPECT_EQ(rest({}).runs, (Bools{true, true, false, true}));
  EXPECT_TRUE(rest({}).image);
  EXPECT_EQ(rest({graph.input}).reads, (Bools{true, false, false, false, false}));
  EXPECT_FALSE(rest({graph.input}).image);
  EXPECT_EQ(rest({a}).runs, (Bools{false, true, false, true}));
  EXPECT_FALSE(rest({a}).image);
  EXPECT_EQ(rest({b}).runs, (Bools{true, false, false, true})) << "a is read beside b";
  EXPECT_TRUE(rest({b}).image);
  EXPECT_EQ(rest({a, b}).runs, (Bools{false, false, false, true}));
  EXPECT_EQ(rest({a, b}).reads, (Bools{false, true, true, false, false}));
  EXPECT_EQ(rest({a, b, graph.output}).runs, Bools(4));
  EXPECT_EQ(rest({a, b, graph.output}).reads, (Bools{false, false, false, false, true}));
}

}  // namespace
}  // namespace bitsieve
