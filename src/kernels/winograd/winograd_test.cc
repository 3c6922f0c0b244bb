#include "kernels/winograd/winograd.h"

#include "kernels/test_util.h"
#include "quant/requantize.h"

namespace bitsieve {
namespace {

using test::Guarded;

struct Case {
  std::int64_t height, width, depth, n;  // of the output
  std::int64_t tiles = INT64_MAX;        // of a call, where so many are taken
  bool extreme = false;                  // every activation and weight at the end of its range
  float scale = 0.01f;                   // of the multipliers; from 0.5 on bounds are inside the range of bytes
};

class Winograd : public testing::TestWithParam<const WinogradKernel*> {
 protected:
  void check(const Case& c, bool is_signed, bool to_float) {
    const WinogradKernel& kernel = *GetParam();
    const std::int64_t k = 9 * c.depth, stride = c.n + 3, pixels = c.height * c.width, pitch = (c.width + 2) * c.depth;
    test::Random random(static_cast<std::uint32_t>(c.height * 7919 + c.width * 131 + c.depth + c.n));
    std::vector<std::uint8_t> bytes = random.bytes((c.height + 2) * pitch);
    std::vector<std::int8_t> weight = random.weights(c.n * k);
    if (c.extreme) {
      bytes.assign(bytes.size(), is_signed ? 128 : 255);
      weight.assign(weight.size(), -128);
    }
    const Guarded<std::uint8_t> guarded(bytes);
    std::vector<std::int32_t> bias(c.n);
    std::vector<float> multiplier(c.n);
    for (auto& b : bias) b = static_cast<std::int32_t>(random.between(-100000, 100000));
    // Powers of two make exact ties between integers.
    for (auto& x : multiplier) x = random.between(0, 1) ? 1.0f / 1024 : random.real(c.scale);
    const QGemmSource source{c.n, 9, c.depth, weight.data(), bias.data(), multiplier.data()};
    ASSERT_TRUE(winograd_fits(source));
    const QGemmWeights packed = kernel.pack(source);

    WinogradArgs args;
    args.signed_input = is_signed;
    args.out_height = c.height;
    args.out_width = c.width;
    args.weights = packed.view;
    args.epilogue = is_signed ? Epilogue{to_float, -128, 127, -3.5f, 900.25f} : Epilogue{to_float, 0, 255};
    if (c.scale > 0.5f && !to_float) args.epilogue = is_signed ? Epilogue{false, -100, 90} : Epilogue{false, 5, 200};
    args.out_stride = stride;
    std::vector<std::uint8_t> wanted(pixels * stride - 3, 0xA5);
    std::vector<float> wanted_reals(pixels * stride - 3, -77.0f);
    Guarded<std::uint8_t> out(wanted);
    Guarded<float> reals(wanted_reals);
    args.out = to_float ? static_cast<void*>(reals.data()) : out.data();
    Guarded<PackedLine> scratch((winograd_scratch_bytes(packed.view) + 63) / 64);
    args.scratch = scratch.data()->bytes;
    const std::int64_t most = std::min(c.tiles, winograd_tiles(packed.view));
    const std::int64_t across = (c.width + 1) / 2, tiles = (c.height + 1) / 2 * across;
    for (args.begin = 0; args.begin < tiles; args.begin = args.end) {
      args.end = std::min(tiles, args.begin + most);
      // Only what these tiles see may be read: the image ends at a guard page, and starts with their first row.
      args.first_row = args.begin / across * 2;
      const std::int64_t last = std::min(c.height, ((args.end - 1) / across + 1) * 2);
      args.height = last + 2 - args.first_row;
      args.width = c.width + 2;
      const Guarded<std::uint8_t> seen(
          std::vector<std::uint8_t>(bytes.begin() + args.first_row * pitch, bytes.begin() + (last + 2) * pitch));
      args.image = const_cast<Guarded<std::uint8_t>&>(seen).data();
      test::leaving_registers_clean([&] { kernel.run(args); });
    }

    for (std::int64_t m = 0; m < pixels; ++m) {
      for (std::int64_t n = 0; n < c.n; ++n) {
        std::int32_t acc = bias[n];
        for (std::int64_t i = 0; i < k; ++i) {
          const std::int64_t tap = i / c.depth, y = m / c.width + tap / 3, x = m % c.width + tap % 3;
          const std::uint8_t value = bytes[y * pitch + x * c.depth + i % c.depth];
          acc += (is_signed ? static_cast<std::int8_t>(value) : value) * weight[n * k + i];
        }
        wanted[m * stride + n] =
            static_cast<std::uint8_t>(requantize(acc, multiplier[n], args.epilogue.lo, args.epilogue.hi));
        wanted_reals[m * stride + n] =
            std::min(std::max(static_cast<float>(acc) * multiplier[n], args.epilogue.clamp_lo), args.epilogue.clamp_hi);
      }
    }
    if (to_float) {
      EXPECT_TRUE(test::same_bits(reals.values(), wanted_reals))
          << c.height << " x " << c.width << " x " << c.depth << " to " << c.n;
    } else {
      EXPECT_EQ(out.values(), wanted) << c.height << " x " << c.width << " x " << c.depth << " to " << c.n;
    }
  }

  void check_all(const Case& c) {
    for (bool is_signed : {false, true}) {
      for (bool to_float : {false, true}) check(c, is_signed, to_float);
    }
  }
};

TEST_P(Winograd, MatchesPlainLoop) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (std::int64_t height : {1, 2, 3, 6}) {
    for (std::int64_t width : {1, 2, 3, 4, 7}) check_all({height, width, 16, 17});
  }
  for (std::int64_t n : {1, 15, 16, 31, 33}) check_all({4, 4, 20, n});
  for (std::int64_t depth : {16, 20, 32, 36, 64, 124, 128, 132, 260}) check_all({3, 5, depth, 19});
  for (std::int64_t tiles : {1, 2, 3, 5, 6, 7, 11, 12, 13, 27}) check_all({8, 13, 16, 16, tiles});
  for (std::int64_t tiles : {47, 48}) check_all({16, 13, 16, 16, tiles});
  check_all({32, 31, 16, 16});
  for (std::int64_t depth : {132, 260, 512}) check_all({13, 14, depth, 17});  // weights in parts, as many tiles as go
}

// Multipliers of all signs just below 1 and above, so that products leave int32; bounds inside the range of bytes.
TEST_P(Winograd, LargeMultipliers) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (const float scale : {0.9999f, 1.0f, 3e4f}) {
    check_all({5, 6, 16, 40, INT64_MAX, false, scale});
    check_all({4, 4, 512, 19, INT64_MAX, true, scale});
  }
}

TEST_P(Winograd, ExtremesDoNotOverflow) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  check_all({4, 4, 512, 16, INT64_MAX, true});
  check_all({2, 2, 1824, 5, INT64_MAX, true});  // four times a sum is just below 2^31
}

INSTANTIATE_TEST_SUITE_P(Kernels, Winograd, testing::ValuesIn(winograd_kernels()), test::KernelName{});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Winograd);

TEST(WinogradFits, SumsOf32Bits) {
  const auto fits = [](std::int64_t taps, std::int64_t depth, std::int8_t value, std::int32_t bias) {
    const std::vector<std::int8_t> weight(static_cast<std::size_t>(taps * depth), value);
    return winograd_fits({1, taps, depth, weight.data(), &bias, nullptr});
  };
  EXPECT_TRUE(fits(9, 16, 127, 0));
  EXPECT_FALSE(fits(9, 12, 127, 0));  // vectors of 16 channels
  EXPECT_FALSE(fits(9, 18, 127, 0));  // pairs of pairs
  EXPECT_FALSE(fits(1, 16, 127, 0));  // no 3 x 3
  EXPECT_FALSE(fits(9, 1828, -128, 0));
  EXPECT_TRUE(fits(9, 16, 0, INT32_MAX / 4));
  EXPECT_FALSE(fits(9, 16, 0, INT32_MAX / 4 + 1));
  EXPECT_FALSE(fits(9, 16, 0, INT32_MIN));
}

}  // namespace
}  // namespace bitsieve
