#include "kernels/qdepthwise/qdepthwise.h"

#include <algorithm>
#include <memory>

#include "kernels/test_util.h"
#include "quant/requantize.h"

namespace bitsieve {
namespace {

using test::Guarded;

enum class Transform { none, paired, kept };  // kept: paired, and a value beside a zero stays as it is

class QDepthwise : public testing::TestWithParam<const QDepthwiseKernel*> {
 protected:
  void check(std::int64_t m, std::int64_t channels, std::int64_t taps, bool is_signed, bool to_float, Transform kind,
             int extreme = 0, float scale = 0.1f, std::int64_t slide = 0) {
    const QDepthwiseKernel& kernel = *GetParam();
    // slide: filters of three columns each move by so many of them, else taps are anywhere.
    const std::int64_t stride = channels + 5, distance = channels + 3,
                       step = std::max<std::int64_t>(slide, 1) * distance,
                       row = (m - 1) * step + (slide > 0 ? 2 * distance : 0) + channels;
    test::Random random(static_cast<std::uint32_t>(m * 7919 + channels * 131 + taps));
    std::vector<std::unique_ptr<Guarded<std::uint8_t>>> pool;
    auto pair = random.bytes(256), lone = random.bytes(256);
    pair[0] = lone[0] = 0;
    for (int x = 0; x < 256 && kind == Transform::kept; ++x) lone[x] = static_cast<std::uint8_t>(x);
    for (int i = 0; i < 9; ++i) {
      std::vector<std::uint8_t> planes = random.bytes(row);
      if (extreme != 0) planes.assign(planes.size(), is_signed ? i % 2 == 0 ? 128 : 127 : 255);
      if (kind != Transform::none) {  // the values, what they are beside another, and beside a zero
        for (const auto& table : {pair, lone}) {
          for (std::int64_t k = 0; k < row; ++k) planes.push_back(table[planes[k]]);
        }
      }
      pool.push_back(std::make_unique<Guarded<std::uint8_t>>(planes));
    }
    std::vector<const std::uint8_t*> from(taps);
    for (auto& tap : from) tap = pool[random.between(0, 8)]->data();
    for (std::size_t t = 0; t < from.size() && slide > 0; ++t) from[t] = t % 3 == 0 ? from[t] : from[t - 1] + distance;
    auto weight = random.weights(taps * channels);
    if (extreme != 0) weight.assign(weight.size(), static_cast<std::int8_t>(extreme));
    std::vector<std::int32_t> bias(channels);
    std::vector<float> multiplier(channels);
    for (auto& b : bias) b = static_cast<std::int32_t>(random.between(-10000, 10000));
    for (auto& x : multiplier) x = random.between(0, 1) ? 1.0f / 256 : random.real(scale);

    QDepthwiseArgs args;
    args.m = m;
    args.taps = from.data();
    args.step = step;
    args.signed_input = is_signed;
    args.epilogue = is_signed ? Epilogue{to_float, -128, 127, -3.5f, 90.25f} : Epilogue{to_float, 0, 255};
    if (scale > 0.5f && !to_float) args.epilogue = is_signed ? Epilogue{false, -100, 90} : Epilogue{false, 5, 200};
    args.out_stride = stride;
    const QDepthwiseWeights packed = kernel.pack({channels, taps, weight.data(), bias.data(), multiplier.data()});
    args.weights = packed.view;
    std::vector<std::uint8_t> bytes(m * stride - 5, 0xA5);
    std::vector<float> reals(m * stride - 5, -77.0f);
    Guarded<std::uint8_t> byte_out(bytes);
    Guarded<float> real_out(reals);
    args.out = to_float ? static_cast<void*>(real_out.data()) : byte_out.data();
    args.paired = kind != Transform::none;
    args.pair_offset = row;
    args.lone_offset = kind == Transform::kept ? 0 : 2 * row;
    test::leaving_registers_clean([&] { kernel.run(args); });

    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t c = 0; c < channels; ++c) {
        std::int32_t acc = bias[c];
        for (std::int64_t t = 0; t < taps; ++t) {
          std::uint8_t x = from[t][r * step + c];
          if (kind != Transform::none) {
            const std::uint8_t partner = (t ^ 1) < taps ? from[t ^ 1][r * step + c] : 0;
            x = partner == 0 ? lone[x] : pair[x];
          }
          acc += (is_signed ? static_cast<std::int8_t>(x) : x) * weight[t * channels + c];
        }
        bytes[r * stride + c] =
            static_cast<std::uint8_t>(requantize(acc, multiplier[c], args.epilogue.lo, args.epilogue.hi));
        reals[r * stride + c] =
            std::min(std::max(static_cast<float>(acc) * multiplier[c], args.epilogue.clamp_lo), args.epilogue.clamp_hi);
      }
    }
    if (to_float) {
      EXPECT_TRUE(test::same_bits(real_out.values(), reals)) << m << " " << channels << " " << taps;
    } else {
      EXPECT_EQ(byte_out.values(), bytes) << m << " " << channels << " " << taps;
    }
  }
};

TEST_P(QDepthwise, MatchesPlainLoop) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (Transform kind : {Transform::none, Transform::paired, Transform::kept}) {
    for (bool is_signed : {false, true}) {
      for (bool to_float : {false, true}) {
        for (std::int64_t c : {1, 2, 15, 16, 17, 31, 32, 33, 61, 63, 64, 65, 127, 128, 131}) {
          check(3, c, 9, is_signed, to_float, kind);
        }
        for (std::int64_t taps : {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 25, 32, 33, 49}) {
          for (std::int64_t c : {11, 29, 67}) check(2, c, taps, is_signed, to_float, kind);
        }
        for (std::int64_t m : {1, 2, 4, 5}) check(m, 48, 9, is_signed, to_float, kind);
      }
    }
  }
}

TEST_P(QDepthwise, SlidingFilters) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (Transform kind : {Transform::none, Transform::paired, Transform::kept}) {
    for (bool is_signed : {false, true}) {
      for (bool to_float : {false, true}) {
        for (std::int64_t slide : {1, 2, 3}) {
          for (std::int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 28}) {
            for (std::int64_t c : {1, 24, 64, 131}) check(m, c, 9, is_signed, to_float, kind, 0, 0.1f, slide);
          }
          for (const float scale : {0.9999f, 1.0f, 3e4f}) check(5, 67, 9, is_signed, to_float, kind, 0, scale, slide);
          for (const int weight : {-128, 127}) check(5, 67, 9, is_signed, to_float, kind, weight, 0.1f, slide);
        }
      }
    }
  }
}

// Sums of few bits on the way: every activation at an end of its range, and every weight that may have extreme digits.
TEST_P(QDepthwise, ExtremesDoNotSaturate) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (const int weight : {-128, -127, -121, -120, -119, -113, -8, 7, 8, 112, 119, 120, 121, 127}) {
    for (std::int64_t taps : {9, 15, 16, 17, 49}) {
      for (bool is_signed : {false, true}) {
        for (bool to_float : {false, true}) check(3, 33, taps, is_signed, to_float, Transform::none, weight);
      }
    }
  }
}

// Multipliers of both signs just below 1 and above, so that products leave int32; bounds inside the range of bytes.
TEST_P(QDepthwise, LargeMultipliers) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (const float scale : {0.9999f, 1.0f, 3e4f}) {
    for (bool is_signed : {false, true}) {
      for (bool to_float : {false, true}) {
        check(5, 67, 9, is_signed, to_float, Transform::none, 0, scale);
        check(3, 32, 9, is_signed, to_float, Transform::paired, 127, scale);
        check(3, 33, 9, is_signed, to_float, Transform::none, -128, scale);
      }
    }
  }
}

// A bound that is equal to a value does not replace it, though the signs of two zeros differ.
TEST_P(QDepthwise, KeepsTheSignOfZero) {
  const QDepthwiseKernel& kernel = *GetParam();
  BITSIEVE_SKIP_UNSUPPORTED(kernel);
  constexpr std::int64_t m = 2, channels = 83, taps = 3;
  const std::vector<std::uint8_t> bytes(m * channels, 200);
  const std::vector<std::int8_t> weight(taps * channels, 0);
  const std::vector<const std::uint8_t*> from(taps, bytes.data());
  for (const float sign : {1.0f, -1.0f}) {
    const std::vector<float> multiplier(channels, sign), wanted(m * channels, 0.0f * sign);
    const QDepthwiseWeights packed = kernel.pack({channels, taps, weight.data(), nullptr, multiplier.data()});
    for (const auto& [lo, hi] :
         {std::pair{0.0f, 6.0f}, std::pair{-0.0f, 6.0f}, std::pair{-6.0f, 0.0f}, std::pair{-6.0f, -0.0f}}) {
      std::vector<float> out(m * channels, -77.0f);
      QDepthwiseArgs args;
      args.m = m;
      args.taps = from.data();
      args.step = channels;
      args.weights = packed.view;
      args.epilogue = {true, 0, 255, lo, hi};
      args.out = out.data();
      args.out_stride = channels;
      test::leaving_registers_clean([&] { kernel.run(args); });
      EXPECT_TRUE(test::same_bits(out, wanted)) << sign << " in " << lo << " to " << hi;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, QDepthwise, testing::ValuesIn(qdepthwise_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
