#include "kernels/qgemm/qgemm.h"

#include <memory>

#include "kernels/qgemm/test_kernels.h"
#include "kernels/test_util.h"
#include "quant/requantize.h"

namespace bitsieve {
namespace {

using test::Guarded;

struct Case {
  std::int64_t m, n, taps, depth;
  bool extreme = false;  // every activation and weight at the end of its range
  int large = -1;        // values are small but for so many pairs in a thousand; weights are at the ends of their range
  bool lone_column = false;  // of `large`: but in one column of the weights, and at half of its places, they are small
  float scale = 0.01f;       // of the multipliers; from 0.5 on bounds are inside the range of bytes
};

class QGemm : public testing::TestWithParam<const QGemmKernel*> {
 protected:
  void check(const Case& c, bool is_signed, bool to_float) {
    const QGemmKernel& kernel = *GetParam();
    const std::int64_t k = c.taps * c.depth, stride = c.n + 3;
    test::Random random(static_cast<std::uint32_t>(c.m * 7919 + c.n * 131 + k));
    // Several rows share an address, as in a convolution; each ends at a guard page.
    std::vector<std::unique_ptr<Guarded<std::uint8_t>>> pool;
    for (int i = 0; i < 9; ++i) {
      auto bytes = random.bytes(c.depth);
      if (c.extreme) bytes.assign(bytes.size(), is_signed ? 128 : 255);
      if (c.large >= 0) few_large(random, c.large, is_signed, bytes);
      pool.push_back(std::make_unique<Guarded<std::uint8_t>>(bytes));
    }
    std::vector<const std::uint8_t*> rows(c.m * c.taps);
    for (auto& row : rows) row = pool[random.between(0, 8)]->data();
    auto weight = random.weights(c.n * k);
    for (auto& w : weight) w = static_cast<std::int8_t>(w * kernel.most_weight / 128);
    if (c.extreme) weight.assign(weight.size(), static_cast<std::int8_t>(-kernel.most_weight));
    if (c.large >= 0) {
      const int most = std::min(kernel.most_weight, 127);
      // At the ends everywhere, or in one column alone and at every other place.
      const std::int64_t column = c.lone_column ? random.between(0, c.n - 1) : -1, parity = random.between(0, 1);
      for (std::int64_t i = 0; i < c.n * k; ++i) {
        const bool large = column < 0 || (i / k == column && i % k % 2 == parity);
        const auto small = static_cast<int>(random.between(-3, 3)) * most / 127;
        weight[i] = static_cast<std::int8_t>(!large ? small : random.between(0, 1) ? most : -kernel.most_weight);
      }
    }
    std::vector<std::int32_t> bias(c.n);
    std::vector<float> multiplier(c.n);
    for (auto& b : bias) b = static_cast<std::int32_t>(random.between(-100000, 100000));
    // Powers of two make exact ties between integers.
    for (auto& x : multiplier) x = random.between(0, 1) ? 1.0f / 1024 : random.real(c.scale);

    QGemmArgs args;
    args.m = c.m;
    args.rows = rows.data();
    args.signed_input = is_signed;
    args.epilogue = is_signed ? Epilogue{to_float, -128, 127, -3.5f, 900.25f} : Epilogue{to_float, 0, 255};
    if (c.scale > 0.5f && !to_float) args.epilogue = is_signed ? Epilogue{false, -100, 90} : Epilogue{false, 5, 200};
    args.out_stride = stride;
    const QGemmWeights packed = kernel.pack({c.n, c.taps, c.depth, weight.data(), bias.data(), multiplier.data()});
    args.weights = packed.view;
    Guarded<std::uint8_t> scratch(
        std::vector<std::uint8_t>(static_cast<std::size_t>((qgemm_scratch_bytes(packed.view) + 63) / 64 * 64), 0xA5));
    if (c.m % 2 == 1) args.scratch = scratch.data();  // else a buffer of the thread

    std::vector<std::uint8_t> bytes(c.m * stride - 3, 0xA5);
    std::vector<float> reals(c.m * stride - 3, -77.0f);
    Guarded<std::uint8_t> byte_out(bytes);
    Guarded<float> real_out(reals);
    args.out = to_float ? static_cast<void*>(real_out.data()) : byte_out.data();
    test::leaving_registers_clean([&] { kernel.run(args); });

    for (std::int64_t m = 0; m < c.m; ++m) {
      for (std::int64_t n = 0; n < c.n; ++n) {
        std::int32_t acc = bias[n];
        for (std::int64_t i = 0; i < k; ++i) {
          const std::uint8_t x = rows[m * c.taps + i / c.depth][i % c.depth];
          acc += (is_signed ? static_cast<std::int8_t>(x) : x) * weight[n * k + i];
        }
        bytes[m * stride + n] =
            static_cast<std::uint8_t>(requantize(acc, multiplier[n], args.epilogue.lo, args.epilogue.hi));
        reals[m * stride + n] =
            std::min(std::max(static_cast<float>(acc) * multiplier[n], args.epilogue.clamp_lo), args.epilogue.clamp_hi);
      }
    }
    if (to_float) {
      EXPECT_TRUE(test::same_bits(real_out.values(), reals)) << c.m << " " << c.n << " " << c.taps << " " << c.depth;
    } else {
      EXPECT_EQ(byte_out.values(), bytes) << c.m << " " << c.n << " " << c.taps << " " << c.depth;
    }
  }

  // Pairs are small, on both sides of where products of the largest weights leave 16 bits, or as large as can be.
  static void few_large(test::Random& random, int in_a_thousand, bool is_signed, std::vector<std::uint8_t>& bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
      int a = static_cast<int>(random.between(0, 40)), b = static_cast<int>(random.between(0, 40));
      if (static_cast<int>(random.between(0, 999)) < in_a_thousand) {
        const int kind = static_cast<int>(random.between(0, 2));
        const int most = is_signed ? 127 + static_cast<int>(random.between(0, 1)) : 255;  // 128 only below 0
        a = kind == 0 ? most : static_cast<int>(random.between(most / 2 - 3, most / 2 + 3));
        b = kind == 0 ? most : most + static_cast<int>(random.between(-2, 4)) - a;
      }
      bytes[i] = static_cast<std::uint8_t>(is_signed && (a > 127 || random.between(0, 1)) ? -a : a);
      if (i + 1 < bytes.size())
        bytes[i + 1] = static_cast<std::uint8_t>(is_signed && (b > 127 || random.between(0, 1)) ? -b : b);
    }
  }

  void check_all(const Case& c) {
    for (bool is_signed : {false, true}) {
      for (bool to_float : {false, true}) check(c, is_signed, to_float);
    }
  }
};

TEST_P(QGemm, MatchesPlainLoop) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (std::int64_t m : {1, 2, 3, 5, 6, 7, 8, 11, 12, 13, 47, 48, 49, 53}) check_all({m, 17, 3, 8});
  for (std::int64_t n : {1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 97, 127, 131}) {
    check_all({13, n, 2, 4});
    check_all({7, n, 1, 5});
  }
  for (std::int64_t depth : {1, 2, 3, 4, 5, 7, 8, 13, 16, 61, 64}) {
    for (std::int64_t taps : {1, 2, 9, 25}) check_all({5, 19, taps, depth});
  }
  check_all({50, 10, 9, 3});
}

// Multipliers of all signs just below 1 and above, so that products leave int32; bounds inside the range of bytes.
TEST_P(QGemm, LargeMultipliers) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (const float scale : {0.9999f, 1.0f, 3e4f}) {
    check_all({13, 40, 3, 24, false, -1, false, scale});
    check_all({1, 19, 9, 256, true, -1, false, scale});
  }
}

TEST_P(QGemm, ExtremesDoNotSaturate) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  check_all({7, 35, 9, 256, true});
  check_all({1, 1000, 1, 513, true});
  check_all({3, 5, 1, 32768, true});  // accumulators near 2^30: float(acc) rounds
}

// Kernels that add two products in 16 bits have to do something about pairs of large values: rows without any, with
// some and with many.
TEST_P(QGemm, FewLargeValuesDoNotSaturate) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (const int large : {0, 2, 10, 40, 300}) {
    for (std::int64_t m : {1, 5, 6, 7, 50, 97, 200}) check_all({m, 35, 1, 144, false, large});
    for (std::int64_t depth : {3, 12, 13, 61, 64, 72, 130}) check_all({13, 100, 9, depth, false, large});
    check_all({20, 48, 3, 512, false, large});
    for (std::int64_t m : {1, 7, 100}) {
      for (std::int64_t n : {97, 130}) check_all({m, n, 2, 96, false, large, true});
    }
  }
}

// A bound that is equal to a value does not replace it, though the signs of two zeros differ.
TEST_P(QGemm, KeepsTheSignOfZero) {
  const QGemmKernel& kernel = *GetParam();
  BITSIEVE_SKIP_UNSUPPORTED(kernel);
  constexpr std::int64_t m = 5, n = 19, depth = 8;
  const std::vector<std::uint8_t> bytes(depth, 200);
  const std::vector<std::int8_t> weight(n * depth, 0);
  const std::vector<const std::uint8_t*> rows(m, bytes.data());
  for (const float sign : {1.0f, -1.0f}) {
    const std::vector<float> multiplier(n, sign), wanted(m * n, 0.0f * sign);
    const QGemmWeights packed = kernel.pack({n, 1, depth, weight.data(), nullptr, multiplier.data()});
    for (const auto& [lo, hi] :
         {std::pair{0.0f, 6.0f}, std::pair{-0.0f, 6.0f}, std::pair{-6.0f, 0.0f}, std::pair{-6.0f, -0.0f}}) {
      std::vector<float> out(m * n, -77.0f);
      test::leaving_registers_clean([&] {
        kernel.run({m, rows.data(), packed.view, false, {true, 0, 255, lo, hi}, out.data(), n});
      });
      EXPECT_TRUE(test::same_bits(out, wanted)) << sign << " in " << lo << " to " << hi;
    }
  }
}

// A kernel for small weights is taken where all of them are, and at no other level.
TEST(SelectQGemm, LooksAtTheLargestWeight) {
  const std::vector<std::int8_t> some{3, -8, 7}, all{3, -128};
  EXPECT_EQ(most_weight(some), 8);
  EXPECT_EQ(most_weight(all), 128);
  EXPECT_EQ(most_weight({}), 0);
  for (const Isa isa : isas()) {
    for (int most = 0; most <= 128; ++most) {
      EXPECT_GE(select_qgemm(isa, most).most_weight, most);
      EXPECT_TRUE(isa_includes(isa, select_qgemm(isa, most).isa));
    }
    EXPECT_EQ(select_qgemm(isa).most_weight, 128);
  }
#if defined(__x86_64__)
  EXPECT_EQ(select_qgemm(Isa::avx2, 8).most_weight, 8);
  EXPECT_EQ(select_qgemm(Isa::avx2, 9).most_weight, 16);
  EXPECT_EQ(select_qgemm(Isa::avx2, 33).most_weight, 64);
  EXPECT_EQ(select_qgemm(Isa::avx2, 65).most_weight, 128);
  // One instruction for four products serves all weights.
  EXPECT_STREQ(select_qgemm(Isa::avxvnni, 8).name, "qgemm_avxvnni");
  EXPECT_STREQ(select_qgemm(Isa::avx512vnni, 8).name, "qgemm_avx512vnni");
#elif defined(__aarch64__)
  EXPECT_STREQ(select_qgemm(Isa::neon).name, "qgemm_portable");
  EXPECT_STREQ(select_qgemm(Isa::neon_dotprod).name, "qgemm_neon_dotprod");
#endif
}

std::vector<const QGemmKernel*> tested() {
  std::vector<const QGemmKernel*> all = qgemm_kernels();
#if defined(__x86_64__)
  all.push_back(&qgemm::vnni256_by_avx2);
#endif
  return all;
}

INSTANTIATE_TEST_SUITE_P(Kernels, QGemm, testing::ValuesIn(tested()), test::KernelName());

}  // namespace
}  // namespace bitsieve
