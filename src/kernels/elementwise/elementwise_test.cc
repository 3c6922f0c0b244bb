#include "kernels/elementwise/elementwise.h"

#include "kernels/test_util.h"
#include "quant/requantize.h"

namespace bitsieve {
namespace {

using test::Guarded;

class Elementwise : public testing::TestWithParam<const ElementwiseKernel*> {};

std::int32_t value(std::uint8_t x, bool is_signed) { return is_signed ? static_cast<std::int8_t>(x) : x; }

TEST_P(Elementwise, MatchesPlainLoop) {
  const ElementwiseKernel& kernel = *GetParam();
  BITSIEVE_SKIP_UNSUPPORTED(kernel);
  test::Random random(3);
  const auto table = random.bytes(256);
  const Rescale rescales[] = {{1.0f / 512, 0, 255}, {-0.0123f, -128, 127}, {1.0f / 65536, -128, 127},
                              {0.5f, 0, 255},       {3e38f, -128, 127},    {0.01f, -100, 200},
                              {0.02f, 7, 99}};
  for (std::int64_t n : {0, 1, 3, 15, 16, 17, 31, 32, 33, 61, 63, 64, 65, 127, 131, 1021}) {
    for (int kinds = 0; kinds < 4; ++kinds) {
      const bool xs = kinds & 1, ys = kinds & 2;
      const auto x = random.bytes(n), y = random.bytes(n);
      for (const Rescale& r : rescales) {
        for (std::int32_t a : {1, -32768, 32767, 511}) {
          const std::int32_t b = a == 511 ? -300 : a;
          std::vector<std::uint8_t> sum(n), product(n), scaled(n), looked(n);
          for (std::int64_t i = 0; i < n; ++i) {
            const std::int32_t u = value(x[i], xs), v = value(y[i], ys);
            sum[i] = static_cast<std::uint8_t>(requantize(a * u + b * v, r.multiplier, r.lo, r.hi));
            product[i] = static_cast<std::uint8_t>(requantize(u * v, r.multiplier, r.lo, r.hi));
            scaled[i] = static_cast<std::uint8_t>(requantize(u, r.multiplier, r.lo, r.hi));
            looked[i] = table[x[i]];
          }
          Guarded<std::uint8_t> in_x(x), in_y(y), out(n);
          const Bytes8 left{in_x.data(), xs}, right{in_y.data(), ys};
          test::leaving_registers_clean([&] { kernel.mul(left, right, r, out.data(), n); });
          EXPECT_EQ(out.values(), product);
          test::leaving_registers_clean([&] { kernel.requantize(left, r, out.data(), n); });
          EXPECT_EQ(out.values(), scaled);
          kernel.lut(in_x.data(), table.data(), out.data(), n);
          EXPECT_EQ(out.values(), looked);
          test::leaving_registers_clean([&] { kernel.add(left, right, a, b, r, out.data(), n); });
          EXPECT_EQ(out.values(), sum);
          test::leaving_registers_clean([&] { kernel.add(left, right, a, b, r, in_x.data(), n); });
          EXPECT_EQ(in_x.values(), sum) << "in place";
        }
      }
    }
  }
}

TEST_P(Elementwise, ConvertsLikeTheDefinition) {
  const ElementwiseKernel& kernel = *GetParam();
  BITSIEVE_SKIP_UNSUPPORTED(kernel);
  test::Random random(4);
  for (std::int64_t n : {0, 1, 7, 16, 33, 1021}) {
    for (const bool is_signed : {false, true}) {
      for (const float scale : {1.0f, 0.25f, 0.0117f, 3.0f}) {
        const std::int32_t lo = is_signed ? -127 : 0, hi = is_signed ? 127 : 255;
        std::vector<float> x(static_cast<std::size_t>(n)), real(x.size());
        std::vector<std::uint8_t> wanted(x.size());
        const auto patterns = random.bytes(n);
        for (std::size_t i = 0; i < x.size(); ++i) {
          x[i] = random.between(0, 3) == 0 ? scale * 0.5f * static_cast<float>(random.between(-600, 600))
                                           : random.real(300);
          const float clamped = std::min(std::max(x[i] / scale, static_cast<float>(lo)), static_cast<float>(hi));
          wanted[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(std::nearbyintf(clamped)));
          real[i] = static_cast<float>(value(patterns[i], is_signed)) * scale;
        }
        Guarded<float> in(x), back(n);
        Guarded<std::uint8_t> out(n), codes(patterns);
        test::leaving_registers_clean([&] { kernel.quantize(in.data(), scale, lo, hi, out.data(), n); });
        EXPECT_EQ(out.values(), wanted);
        test::leaving_registers_clean([&] { kernel.dequantize({codes.data(), is_signed}, scale, back.data(), n); });
        EXPECT_TRUE(test::same_bits(back.values(), real));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Elementwise, testing::ValuesIn(elementwise_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
