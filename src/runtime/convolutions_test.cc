// Random convolutions and linear layers: every instruction set and number of threads gives the bits of the plain
// executor, and shapes run where they are faster.
#include <array>

#include "runtime/test_equality.h"

namespace bitsieve {
namespace {

using test::Builder;
using test::expect_all_equal;
using test::isas_here;
using test::trace;

const std::int64_t channel_counts[] = {1, 3, 5, 15, 16, 17, 31, 33};

TEST(Convolutions, RandomShapes) {
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
TEST(Convolutions, LargeConvolutions) {
  struct Large {
    Shape in;
    std::int64_t channels, kernel, stride, groups;
  };
  const Large cases[] = {
      {{96, 61, 40}, 96, 3, 1, 96},   {{96, 61, 40}, 96, 3, 2, 96},   {{64, 40, 41}, 24, 1, 1, 1},
      {{64, 40, 41}, 24, 1, 2, 1},    {{3, 230, 240}, 8, 7, 2, 1},    {{32, 90, 70}, 8, 3, 1, 1},
      {{33, 90, 70}, 8, 3, 1, 1},     {{64, 61, 50}, 64, 3, 1, 4},    {{144, 9, 56}, 144, 3, 1, 144},
      {{200, 9, 77}, 200, 3, 2, 200}, {{328, 9, 14}, 328, 5, 1, 328}, {{208, 5, 370}, 208, 3, 1, 208},
      {{32, 91, 71}, 20, 3, 1, 1},    {{3, 230, 240}, 24, 3, 2, 1},   {{16, 90, 90}, 40, 1, 1, 1},
      {{24, 90, 91}, 8, 1, 2, 1}};
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

// Filters as wide as the image and wider, so that no output, or hardly any, sees the image alone.
TEST(Convolutions, FloatDepthwiseOfSmallImages) {
  std::uint32_t round = 0;
  for (std::int64_t size : {1, 2, 3, 4, 7}) {
    for (std::int64_t stride : {1, 2, 3}) {
      for (std::int64_t dilation : {1, 2}) {
        for (std::int64_t kernel : {1, 3, 5}) {
          Builder b(++round);
          Window w;
          w.kernel = {3, kernel};
          w.stride = {stride, stride};
          w.dilation = {1, dilation};
          const std::int64_t reach = (kernel - 1) * dilation + 1;
          w.pad_before = {1, reach / 2};
          w.pad_after = {1, std::max(reach - size - reach / 2, reach / 2)};
          w.groups = 21;
          b.input({21, size, size}, DType::f32);
          b.conv(w, 21, DType::f32, "float");
          expect_all_equal(b, fmt::format("size {} stride {} dilation {} kernel {}", size, stride, dilation, kernel));
          if (HasFatalFailure()) return;
        }
      }
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
TEST(Convolutions, DenseThreeByThree) {
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

TEST(Convolutions, TakesWinogradWhereItIsFaster) {
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
  EXPECT_EQ(kernel({16, 3, 3}), "wideconv_avx2");   // 9 outputs of 16
  EXPECT_EQ(kernel({16, 2, 2}), "wideconv_avx2");   // one tile
  EXPECT_EQ(kernel({16, 1, 40}), "wideconv_avx2");  // half of every tile
  EXPECT_EQ(kernel({16, 8, 8}, 7), "winograd_avx2");
  EXPECT_EQ(kernel({16, 7, 7}, 7), "qgemm_avx2_w8");
  EXPECT_EQ(kernel({16, 7, 7}, 63), "qgemm_avx2_w64");
  EXPECT_EQ(kernel({16, 7, 7}), "winograd_avx2");
  EXPECT_EQ(with_avx2(conv({3, 8, 8})), std::pair(std::string("wideconv_avx2"), std::string()));
  EXPECT_EQ(kernel({12, 8, 8}), "wideconv_avx2");
  EXPECT_EQ(kernel({12, 8, 8}, 63), "qgemm_avx2_w64");
  Builder strided(1);
  strided.input({32, 8, 8}, DType::u8);
  Window w = three_by_three({1, 1}, {1, 1});
  w.stride = {2, 2};
  strided.conv(w, 16, DType::u8, "int8");
  for (auto& weight : strided.model.layers[0].weight.edit()) weight = 127;
  EXPECT_EQ(with_avx2(strided),
            std::pair(std::string("qgemm_avx2"), std::string("weights up to 127; qgemm_avx2_w64 takes up to 64")));
  EXPECT_EQ(with_avx2(conv({18, 8, 8})).second, "18 channels; winograd_avx2 takes whole groups of 4");
  Builder large = conv({16, 8, 8});
  large.model.layers[0].bias[3] = 1 << 30;
  EXPECT_EQ(with_avx2(large), std::pair(std::string("wideconv_avx2"), std::string("sums too large for winograd_avx2")));
  expect_all_equal(large, "sums beyond 2^30");
}

// Products with packed weights of shared shifts, however small; convolutions with one output pixel among them.
TEST(Convolutions, PackedProducts) {
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

TEST(Convolutions, LinearLayers) {
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

}  // namespace
}  // namespace bitsieve
