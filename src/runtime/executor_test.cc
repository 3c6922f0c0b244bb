// Random small networks over operators and edge shapes: every instruction set and number of threads gives the bits of
// the plain executor.
#include "runtime/executor.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "runtime/reference/ops.h"
#include "runtime/test_graph.h"

namespace bitsieve {
namespace {

using test::Builder;

std::vector<Isa> isas_here() {
  std::vector<Isa> all;
  for (const Isa isa : isas()) {
    if (isa_supported(isa)) all.push_back(isa);
  }
  return all;
}

// All values of a run, one after the other.
std::vector<std::uint8_t> trace(const QuantizedModel& model, const Executor& executor, std::span<const float> image,
                                Executor::Workspace& workspace) {
  std::vector<std::uint8_t> bytes;
  std::vector<float> scores;
  executor.run(image, workspace, scores, [&](ValueId id, const void* data) {
    const auto* from = static_cast<const std::uint8_t*>(data);
    bytes.insert(bytes.end(), from, from + value_bytes(model, id));
  });
  const auto* from = reinterpret_cast<const std::uint8_t*>(scores.data());
  bytes.insert(bytes.end(), from, from + scores.size() * sizeof(float));
  return bytes;
}

void expect_all_equal(const Builder& built, const std::string& what) {
  const QuantizedModel& model = built.model;
  const std::vector<float> image = built.image();
  const Executor plain(model, true);
  Executor::Workspace own;
  const auto wanted = trace(model, plain, image, own);
  for (const Isa isa : isas_here()) {
    for (const int threads : {1, 2}) {
      const Executor fast(model, ExecutorOptions{false, isa, threads});
      Executor::Workspace workspace;
      for (int round = 0; round < 2; ++round) {  // the second image meets used memory
        ASSERT_EQ(trace(model, fast, image, workspace), wanted)
            << what << ", " << isa_name(isa) << ", " << threads << " threads, " << fast.kernel(0);
      }
    }
  }
}

const std::int64_t channel_counts[] = {1, 3, 5, 15, 16, 17, 31, 33};

TEST(Executor, Convolutions) {
  std::mt19937 random(1);
  for (int round = 0; round < 400; ++round) {
    Builder b(static_cast<std::uint32_t>(round));
    const auto pick = [&](std::initializer_list<std::int64_t> from) { return from.begin()[random() % from.size()]; };
    Window w;
    const std::int64_t kind = pick({0, 0, 1, 2});  // dense, grouped, depthwise
    std::int64_t in = channel_counts[random() % 8], out = channel_counts[random() % 8];
    if (kind == 1) {
      w.groups = pick({2, 3});
      in = w.groups * pick({1, 2, 3, 4, 8});
      out = w.groups * pick({1, 2, 5, 16});
    } else if (kind == 2) {
      in = std::max<std::int64_t>(in, 2);
      w.groups = out = in;
    }
    w.kernel = {pick({1, 3, 5}), pick({1, 3, 5})};
    w.stride = {pick({1, 1, 2, 3}), pick({1, 1, 2, 3})};
    w.dilation = {pick({1, 1, 2}), pick({1, 1, 2})};
    w.pad_before = {pick({0, 1, 2}), pick({0, 1, 3})};
    w.pad_after = {pick({0, 1, 2}), pick({0, 1, 3})};
    const bool is_float = round % 5 == 0, is_signed = round % 2 == 0;
    b.input({in, 9 + pick({0, 1, 5}), 9 + pick({0, 2})}, is_float ? DType::f32 : is_signed ? DType::s8 : DType::u8);
    static const char* codes[] = {"int8", "sparq-5opt-round", "sparq-3opt-trim-novs", "act4-uniform", "2:4"};
    const char* code = codes[random() % 5];
    const DType type = is_float || round % 7 == 1 ? DType::f32 : round % 3 == 0 ? DType::s8 : DType::u8;
    b.conv(w, out, type, is_float ? "float" : code);
    expect_all_equal(
        b, fmt::format("round {}: {} to {} channels, kernel {}x{}, stride {}x{}, dilation {}x{}, groups {}, {}", round,
                       in, out, w.kernel[0], w.kernel[1], w.stride[0], w.stride[1], w.dilation[0], w.dilation[1],
                       w.groups, is_float ? "float" : code));
    if (HasFatalFailure()) return;
  }
}

// Images whose copies are made in parts: strips of rows; for depthwise layers blocks of channels and of columns.
TEST(Executor, LargeConvolutions) {
  struct Large {
    Shape in;
    std::int64_t channels, kernel, stride, groups;
  };
  const Large cases[] = {
      {{96, 61, 40}, 96, 3, 1, 96},   {{96, 61, 40}, 96, 3, 2, 96},   {{64, 40, 41}, 24, 1, 1, 1},
      {{64, 40, 41}, 24, 1, 2, 1},    {{3, 230, 240}, 8, 7, 2, 1},    {{32, 90, 70}, 8, 3, 1, 1},
      {{33, 90, 70}, 8, 3, 1, 1},     {{64, 61, 50}, 64, 3, 1, 4},    {{144, 9, 56}, 144, 3, 1, 144},
      {{200, 9, 77}, 200, 3, 2, 200}, {{328, 9, 14}, 328, 5, 1, 328}, {{208, 5, 370}, 208, 3, 1, 208},
      {{32, 91, 71}, 20, 3, 1, 1}};
  int round = 0;
  for (const Large& l : cases) {
    for (const char* code : {"float", "int8", "sparq-5opt-round", "sparq-3opt-trim-novs", "2:4"}) {
      if (std::string(code) == "2:4" && l.groups > 4) continue;
      Builder b(static_cast<std::uint32_t>(++round));
      const bool is_float = std::string(code) == "float";
      b.input(l.in, is_float ? DType::f32 : round % 2 ? DType::u8 : DType::s8);
      Window w;
      w.kernel = {l.kernel, l.kernel};
      w.stride = {l.stride, l.stride};
      w.pad_before = w.pad_after = {l.kernel / 2, l.kernel / 2};
      w.groups = l.groups;
      b.conv(w, l.channels, is_float ? DType::f32 : DType::u8, code);
      expect_all_equal(b, fmt::format("{} to {} channels, kernel {}, stride {}, groups {}, {}", to_string(l.in),
                                      l.channels, l.kernel, l.stride, l.groups, code));
      EXPECT_NE(Executor(b.model).kernel(0), "reference");
      if (HasFatalFailure()) return;
    }
  }
}

// The kernel and the remark of a lone convolution with AVX2.
std::pair<std::string, std::string> with_avx2(const Builder& built) {
  const Executor executor(built.model, ExecutorOptions{false, Isa::avx2, 1});
  return {executor.kernel(0), executor.remark(0)};
}

Window three_by_three(std::array<std::int64_t, 2> before, std::array<std::int64_t, 2> after) {
  Window w;
  w.kernel = {3, 3};
  w.pad_before = {before[0], before[1]};
  w.pad_after = {after[0], after[1]};
  return w;
}

// What Winograd's products take: 3 x 3 of stride 1 and enough channels, with outputs that tiles do not divide.
TEST(Executor, DenseThreeByThree) {
  std::mt19937 random(2);
  int tiles = 0;
  for (std::uint32_t round = 0; round < 160; ++round) {
    Builder b(round);
    const auto pick = [&](std::initializer_list<std::int64_t> from) { return from.begin()[random() % from.size()]; };
    // One in four is read where it lies, without a copy.
    const bool padded = round % 4 != 0;
    const Window w = padded ? three_by_three({pick({0, 1, 2}), pick({0, 1, 3})}, {pick({0, 1, 2}), pick({0, 1, 3})})
                            : three_by_three({0, 0}, {0, 0});
    const std::int64_t in = pick({16, 20, 32, 36, 64}), out = pick({1, 8, 16, 17, 33});
    const Shape image{in, pick({5, 6, 9, 14}), pick({5, 8, 27})};
    b.input(image, random() % 2 == 0 ? DType::s8 : DType::u8);
    static const char* codes[] = {"int8", "sparq-5opt-round", "sparq-3opt-trim-novs", "act4-uniform"};
    const char* code = codes[padded ? random() % 4 : 0];
    b.conv(w, out, round % 7 == 1 ? DType::f32 : round % 3 == 0 ? DType::s8 : DType::u8, code);
    expect_all_equal(b, fmt::format("round {}: {} to {} channels, {}", round, to_string(image), out, code));
    if (HasFatalFailure()) return;
    if (isa_supported(Isa::avx2)) tiles += with_avx2(b).first.starts_with("winograd");
  }
  EXPECT_TRUE(tiles > 120 || !isa_supported(Isa::avx2)) << tiles;  // the others are too small: 3 x 3 outputs
}

TEST(Executor, TakesWinogradWhereItIsFaster) {
  if (!isa_supported(Isa::avx2)) GTEST_SKIP();
  const auto conv = [](const Shape& image, int most = 127) {
    Builder b(1);
    b.input(image, DType::u8);
    b.conv(three_by_three({1, 1}, {1, 1}), 16, DType::u8, "int8");
    auto& weight = b.model.layers[0].weight.edit();
    for (auto& w : weight) w = static_cast<std::int8_t>(w * most / 128);
    weight[0] = static_cast<std::int8_t>(most);
    return b;
  };
  const auto kernel = [&](const Shape& image, int most = 127) { return with_avx2(conv(image, most)).first; };
  EXPECT_EQ(kernel({16, 4, 4}), "winograd_avx2");
  EXPECT_EQ(kernel({16, 5, 5}), "winograd_avx2");
  EXPECT_EQ(kernel({16, 3, 3}), "qgemm_avx2");   // 9 outputs of 16
  EXPECT_EQ(kernel({16, 2, 2}), "qgemm_avx2");   // one tile
  EXPECT_EQ(kernel({16, 1, 40}), "qgemm_avx2");  // half of every tile
  EXPECT_EQ(kernel({16, 8, 8}, 7), "winograd_avx2");
  EXPECT_EQ(kernel({16, 7, 7}, 7), "qgemm_avx2_w8");
  EXPECT_EQ(kernel({16, 7, 7}, 63), "qgemm_avx2_w64");
  EXPECT_EQ(kernel({16, 7, 7}), "winograd_avx2");
  EXPECT_EQ(with_avx2(conv({3, 8, 8})).second, "weights up to 127; qgemm_avx2_w64 takes up to 64");
  EXPECT_EQ(with_avx2(conv({18, 8, 8})).second, "18 channels; winograd_avx2 takes whole groups of 4");
  Builder large = conv({16, 8, 8});
  large.model.layers[0].bias[3] = 1 << 30;
  EXPECT_EQ(with_avx2(large), std::pair(std::string("qgemm_avx2"), std::string("sums too large for winograd_avx2")));
  expect_all_equal(large, "sums beyond 2^30");
}

// Products with packed weights of shared shifts, however small; convolutions with one output pixel among them.
TEST(Executor, PackedProducts) {
  int round = 0, packed = 0;
  for (const char* weights :
       {"swis-n3-m4", "swisc-n2-m8", "swis-n2.5-m16-any", "swis-n5-m32", "trunc-n4", "swis-n2-m1", "swis-n3-m4-flat"}) {
    for (const Shape& shape :
         {Shape{1}, Shape{3}, Shape{64}, Shape{131}, Shape{1, 40}, Shape{16, 3, 2}, Shape{24, 1, 1}, Shape{3, 3, 3}}) {
      for (const char* code : {"int8", "sparq-5opt-round", "sparq-3opt-trim-novs"}) {
        Builder b(static_cast<std::uint32_t>(++round));
        b.input(shape, round % 2 ? DType::u8 : DType::s8);
        Window w;
        if (shape.size() == 3) {
          w.kernel = {shape[1], shape[2]};
          b.conv(w, 37, round % 3 == 0 ? DType::f32 : DType::u8, code);
        } else {
          b.linear(37, round % 3 == 0 ? DType::s8 : DType::f32, code);
        }
        LayerCode& layer = b.model.layers.back();
        const std::vector<float> real(layer.weight.begin(), layer.weight.end());
        const auto k = static_cast<std::int64_t>(real.size()) / 37;
        CodedWeights coded =
            require_weight_code(weights).quantize({real.data(), 37, k, shape.size() == 3 ? shape[0] : k});
        layer.weight = std::move(coded.q);
        layer.shifts = std::move(coded.shifts);
        const std::vector<float> image = b.image();
        Executor::Workspace own;
        const auto wanted = trace(b.model, Executor(b.model, true), image, own);
        for (const Isa isa : isas_here()) {
          for (const int threads : {1, 2}) {
            const Executor fast(b.model, ExecutorOptions{false, isa, threads, 0});
            packed += fast.kernel(0).starts_with("shift_gemv");
            Executor::Workspace workspace;
            for (int again = 0; again < 2; ++again) {
              ASSERT_EQ(trace(b.model, fast, image, workspace), wanted)
                  << weights << ", " << to_string(shape) << ", " << code << ", " << fast.kernel(0);
            }
          }
        }
      }
    }
  }
  EXPECT_GT(packed, round);
}

TEST(Executor, LinearLayers) {
  int round = 0;
  for (const std::int64_t k : {1, 3, 4, 15, 64, 130}) {
    for (const std::int64_t rows : {0, 1, 7}) {
      for (const char* code : {"float", "int8", "sparq-5opt-round", "2:4"}) {
        Builder b(static_cast<std::uint32_t>(++round));
        const bool is_float = std::string(code) == "float";
        b.input(rows == 0 ? Shape{k} : Shape{rows, k}, is_float ? DType::f32 : round % 2 ? DType::u8 : DType::s8);
        b.linear(17, round % 3 == 0 && !is_float ? DType::s8 : DType::f32, code);
        expect_all_equal(b, fmt::format("{} rows of {}, {}", rows, k, code));
        if (HasFatalFailure()) return;
      }
    }
  }
}

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
