// Random small networks over operators and edge shapes: every instruction set and number of threads gives the bits of
// the plain executor.
#include "runtime/executor.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "runtime/test_equality.h"

namespace bitsieve {
namespace {

using test::Builder;
using test::expect_all_equal;

// Nodes without weights, in the three forms: integers, float, and float between 8-bit values.
TEST(Executor, OtherOperators) {
  const Shape plane_shapes[] = {{1, 1, 1}, {3, 5, 4}, {16, 7, 7}, {33, 2, 9}};
  int round = 0;
  for (const Shape& shape : plane_shapes) {
    for (const DType in : {DType::f32, DType::u8, DType::s8}) {
      for (const DType out : {DType::f32, DType::u8, DType::s8}) {
        for (const bool integer : {false, true}) {
          if (integer && (in == DType::f32 || out == DType::f32)) continue;
          for (int kind = 0; kind < Builder::kinds; ++kind) {
            Builder b(static_cast<std::uint32_t>(++round));
            b.input(shape, in);
            if (!b.other(kind, out, integer)) continue;
            expect_all_equal(b, fmt::format("{} of {}, integer: {}, case {}", op_name(b.model.graph.nodes.back().op),
                                            to_string(shape), integer, kind));
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

TEST(Executor, MatmulOfActivations) {
  int round = 0;
  for (const DType type : {DType::f32, DType::u8, DType::s8}) {
    for (const Shape& shape : {Shape{5, 8}, Shape{3, 4, 5}, Shape{2, 3, 4, 7}}) {
      for (const bool integer : {false, true}) {
        if (integer && type == DType::f32) continue;
        Builder b(static_cast<std::uint32_t>(++round));
        b.input(shape, type);
        b.matmul(type, integer);
        expect_all_equal(b, fmt::format("matmul of {}", to_string(shape)));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(Executor, NodeRunnerIsTheExecutorsStep) {
  Builder b(5);
  b.input({16, 8, 8}, DType::u8);
  Window w;
  w.kernel = {3, 3};
  w.pad_before = w.pad_after = {1, 1};
  b.conv(w, 24, DType::u8, "sparq-5opt-round");
  std::vector<std::uint8_t> x(16 * 64), y(24 * 64), z(24 * 64);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint8_t>(i * 37 % 251);
  const void* in[] = {x.data()};
  NodeRunner(b.model, 0, false).run(in, y.data());
  NodeRunner(b.model, 0, true).run(in, z.data());
  EXPECT_EQ(y, z);
}

TEST(Executor, TimesEveryNode) {
  Builder b(6);
  b.input({16, 32, 32}, DType::u8);
  Window w;
  w.kernel = {3, 3};
  b.conv(w, 64, DType::f32, "int8");
  const Executor executor(b.model);
  Executor::Workspace workspace;
  std::vector<float> timed, plain;
  std::vector<double> seconds(1);
  executor.run_timed(b.image(), workspace, timed, seconds);
  EXPECT_GT(seconds[0], 0);
  EXPECT_LT(seconds[0], 10);
  executor.run(b.image(), workspace, plain);
  EXPECT_EQ(timed, plain);
  std::vector<double> wrong(2);
  EXPECT_THROW(executor.run_timed(b.image(), workspace, timed, wrong), Error);
}

// Whatever is known, the rest gives the same values, in used memory, and nothing else is run.
TEST(Executor, RunsTheRestBehindKnownValues) {
  std::mt19937 random(3);
  for (std::uint32_t round = 0; round < 60; ++round) {
    Builder b(round);
    const DType type = round % 3 == 0 ? DType::f32 : round % 3 == 1 ? DType::u8 : DType::s8;
    b.input({8, 9, 9}, type);
    Window w;
    w.kernel = {3, 3};
    w.pad_before = w.pad_after = {1, 1};
    for (int i = 0; i < 4; ++i) {
      if (i % 2 == 0) b.conv(w, 8, type, type == DType::f32 ? "float" : "sparq-5opt-round");
      const int kinds[] = {0, 6, 9, 13, 18, 19, 20, 25};
      b.other(kinds[random() % 8], type, type != DType::f32);
    }
    const QuantizedModel& model = b.model;
    const Graph& graph = model.graph;
    const std::vector<float> image = b.image();
    const Executor executor(model, round % 5 == 0);
    Executor::Workspace workspace;
    std::vector<std::vector<std::uint8_t>> values(graph.values.size());
    std::vector<float> wanted, scores;
    executor.run(image, workspace, wanted, [&](ValueId id, const void* data) {
      const auto* from = static_cast<const std::uint8_t*>(data);
      values[static_cast<std::size_t>(id)].assign(from, from + value_bytes(model, id));
    });
    for (int mask = 0; mask < 12; ++mask) {
      std::vector<bool> known(values.size());
      std::vector<const void*> data(values.size());
      for (std::size_t id = 0; id < values.size(); ++id) known[id] = mask > 0 && random() % 4 == 0;
      const Rest rest = rest_behind(graph, known);
      for (std::size_t id = 0; id < values.size(); ++id) data[id] = rest.reads[id] ? values[id].data() : nullptr;
      std::vector<bool> computed(values.size());
      executor.run_rest(rest, data, rest.image ? std::span<const float>(image) : std::span<const float>(), workspace,
                        scores, [&](ValueId id, const void* bytes) {
                          const auto at = static_cast<std::size_t>(id);
                          computed[at] = true;
                          EXPECT_EQ(std::memcmp(bytes, values[at].data(), values[at].size()), 0)
                              << graph.values[at].name;
                        });
      ASSERT_EQ(scores, wanted) << "round " << round << ", mask " << mask;
      EXPECT_EQ(computed[static_cast<std::size_t>(graph.input)], rest.image);
      for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        const auto output = static_cast<std::size_t>(graph.nodes[i].output);
        EXPECT_EQ(computed[output], rest.runs[i]);
        EXPECT_FALSE(computed[output] && known[output]);
      }
    }
  }
}

TEST(Executor, RefusesARestOfAnotherModel) {
  Builder b(7);
  b.input({4}, DType::f32);
  b.linear(2, DType::f32, "float");
  const std::vector<const void*> known(2);
  Executor::Workspace workspace;
  std::vector<float> scores;
  EXPECT_THROW(
      Executor(b.model).run_rest(Rest{{true, true}, {false, false}, true}, known, b.image(), workspace, scores), Error);
  EXPECT_THROW(Executor(b.model).run_rest(rest_behind(b.model.graph, {false, false}), known, {}, workspace, scores),
               Error);
}

TEST(Executor, RefusesWhatCannotRun) {
  Builder b(7);
  b.input({4}, DType::f32);
  b.linear(2, DType::f32, "float");
  EXPECT_THROW(Executor(b.model, ExecutorOptions{.threads = 0}), Error);
  EXPECT_THROW(Executor(b.model, ExecutorOptions{.threads = 257}), Error);
  Executor::Workspace workspace;
  std::vector<float> scores;
  EXPECT_THROW(Executor(b.model).run(std::vector<float>(5), workspace, scores), Error);
}

}  // namespace
}  // namespace bitsieve
