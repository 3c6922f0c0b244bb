#include "kernels/wide_conv/wide_conv.h"

#include "kernels/test_util.h"
#include "quant/requantize.h"

namespace bitsieve {
namespace {

using test::Guarded;

struct Case {
  std::int64_t m, n, taps, depth;
  bool extreme = false;  // every activation and weight at the end of its range
  float scale = 0.01f;   // of the multipliers; from 0.5 on bounds are inside the range of bytes
};

class WideConv : public testing::TestWithParam<const WideConvKernel*> {
 protected:
  void check(const Case& c, bool is_signed, bool to_float) {
    const WideConvKernel& kernel = *GetParam();
    const std::int64_t k = c.taps * c.depth, stride = c.n + 3;
    test::Random random(static_cast<std::uint32_t>(c.m * 7919 + c.n * 131 + k));
    // Taps lie anywhere in an image that ends with the last of them, at a guard page; pixels share its values.
    const std::int64_t reach = 3 * k, step = 3;
    std::vector<std::int64_t> tap_at(static_cast<std::size_t>(c.taps));
    for (auto& at : tap_at) at = random.between(0, reach - c.depth);
    tap_at.back() = reach - c.depth;
    std::vector<std::int64_t> offsets;
    for (const std::int64_t at : tap_at) {
      for (std::int64_t i = 0; i < c.depth; i += 2) offsets.push_back(at + i);
    }
    std::vector<std::uint8_t> image = random.bytes((c.m - 1) * step + reach);
    if (c.extreme) image.assign(image.size(), is_signed ? 128 : 255);
    Guarded<std::uint8_t> bytes(image);
    Guarded<std::int16_t> wide(std::vector<std::int16_t>(image.size(), 0x5A5A));
    test::leaving_registers_clean(
        [&] { kernel.widen(bytes.data(), static_cast<std::int64_t>(image.size()), is_signed, wide.data()); });
    std::vector<const std::int16_t*> pixels;
    for (std::int64_t m = 0; m < c.m; ++m) pixels.push_back(wide.data() + m * step);

    auto weight = random.weights(c.n * k);
    if (c.extreme) weight.assign(weight.size(), -128);
    std::vector<std::int32_t> bias(c.n);
    std::vector<float> multiplier(c.n);
    for (auto& b : bias) b = static_cast<std::int32_t>(random.between(-100000, 100000));
    // Powers of two make exact ties between integers.
    for (auto& x : multiplier) x = random.between(0, 1) ? 1.0f / 1024 : random.real(c.scale);
    const QGemmWeights packed = kernel.pack({c.n, c.taps, c.depth, weight.data(), bias.data(), multiplier.data()});

    WideConvArgs args;
    args.m = c.m;
    args.pixels = pixels.data();
    args.offsets = offsets.data();
    args.weights = packed.view;
    args.epilogue = is_signed ? Epilogue{to_float, -128, 127, -3.5f, 900.25f} : Epilogue{to_float, 0, 255};
    if (c.scale > 0.5f && !to_float) args.epilogue = is_signed ? Epilogue{false, -100, 90} : Epilogue{false, 5, 200};
    args.out_stride = stride;
    std::vector<std::uint8_t> wanted(c.m * stride - 3, 0xA5);
    std::vector<float> wanted_reals(c.m * stride - 3, -77.0f);
    Guarded<std::uint8_t> out(wanted);
    Guarded<float> reals(wanted_reals);
    args.out = to_float ? static_cast<void*>(reals.data()) : out.data();
    test::leaving_registers_clean([&] { kernel.run(args); });

    for (std::int64_t m = 0; m < c.m; ++m) {
      for (std::int64_t n = 0; n < c.n; ++n) {
        std::int32_t acc = bias[n];
        for (std::int64_t i = 0; i < k; ++i) {
          const std::uint8_t x = image[m * step + tap_at[i / c.depth] + i % c.depth];
          acc += (is_signed ? static_cast<std::int8_t>(x) : x) * weight[n * k + i];
        }
        wanted[m * stride + n] =
            static_cast<std::uint8_t>(requantize(acc, multiplier[n], args.epilogue.lo, args.epilogue.hi));
        wanted_reals[m * stride + n] =
            std::min(std::max(static_cast<float>(acc) * multiplier[n], args.epilogue.clamp_lo), args.epilogue.clamp_hi);
      }
    }
    if (to_float) {
      EXPECT_TRUE(test::same_bits(reals.values(), wanted_reals))
          << c.m << " " << c.n << " " << c.taps << " " << c.depth;
    } else {
      EXPECT_EQ(out.values(), wanted) << c.m << " " << c.n << " " << c.taps << " " << c.depth;
    }
  }

  void check_all(const Case& c) {
    for (bool is_signed : {false, true}) {
      for (bool to_float : {false, true}) check(c, is_signed, to_float);
    }
  }
};

TEST_P(WideConv, MatchesPlainLoop) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (std::int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 96, 97}) {
    for (std::int64_t n : {8, 17, 24}) check_all({m, n, 3, 10});
  }
  for (std::int64_t n = 1; n <= 50; ++n) check_all({7, n, 3, 10});
  for (std::int64_t depth : {2, 4, 6, 8, 10, 22, 48, 256}) {
    for (std::int64_t taps : {1, 3, 7}) check_all({5, 19, taps, depth});
  }
}

// Multipliers of all signs just below 1 and above, so that products leave int32; bounds inside the range of bytes.
TEST_P(WideConv, LargeMultipliers) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (const float scale : {0.9999f, 1.0f, 3e4f}) {
    check_all({13, 40, 3, 24, false, scale});
    check_all({7, 19, 9, 256, true, scale});
  }
}

TEST_P(WideConv, ExtremesDoNotSaturate) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  check_all({7, 35, 9, 256, true});
  check_all({3, 8, 1, 32768, true});  // accumulators near 2^30: float(acc) rounds
}

// Every byte; and any count, of which neither one byte more is read nor one value more written.
TEST_P(WideConv, WidensBytes) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (bool is_signed : {false, true}) {
    for (std::int64_t count = 0; count <= 256; ++count) {
      std::vector<std::uint8_t> bytes(count);
      std::vector<std::int16_t> wanted(count);
      for (std::int64_t i = 0; i < count; ++i) {
        bytes[i] = static_cast<std::uint8_t>(255 - i);
        wanted[i] = is_signed ? static_cast<std::int8_t>(bytes[i]) : bytes[i];
      }
      Guarded<std::uint8_t> from(bytes);
      Guarded<std::int16_t> to(std::vector<std::int16_t>(count, 0x5A5A));
      test::leaving_registers_clean([&] { GetParam()->widen(from.data(), count, is_signed, to.data()); });
      EXPECT_EQ(to.values(), wanted) << count;
    }
  }
}

TEST(WideConvIsFaster, LooksAtRunsAndWeights) {
#if defined(__x86_64__)
  EXPECT_TRUE(wide_conv_is_faster(Isa::avx2, 32, 3, 9, 127));
  EXPECT_TRUE(wide_conv_is_faster(Isa::avx2, 32, 3, 9, 7));
  EXPECT_TRUE(wide_conv_is_faster(Isa::avx2, 96, 1, 16, 127));
  EXPECT_FALSE(wide_conv_is_faster(Isa::avx2, 96, 1, 16, 7));
  EXPECT_TRUE(wide_conv_is_faster(Isa::avx2, 24, 1, 144, 127));
  EXPECT_FALSE(wide_conv_is_faster(Isa::avx2, 144, 1, 144, 127));  // bytes
  EXPECT_FALSE(wide_conv_is_faster(Isa::avx2, 24, 1, 257, 127));   // too many weights
#endif
  for (const Isa isa : isas()) {
    EXPECT_EQ(wide_conv_is_faster(isa, 32, 3, 9, 127), isa == Isa::avx2) << isa_name(isa);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, WideConv, testing::ValuesIn(wide_conv_kernels()), test::KernelName{});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WideConv);

}  // namespace
}  // namespace bitsieve
