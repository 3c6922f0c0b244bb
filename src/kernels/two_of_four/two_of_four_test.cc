#include "kernels/two_of_four/two_of_four.h"

#include <algorithm>
#include <memory>

#include "kernels/test_util.h"
#include "quant/requantize.h"

namespace bitsieve {
namespace {

using test::Guarded;

class TwoOfFour : public testing::TestWithParam<const TwoOfFourKernel*> {
 protected:
  void check(std::int64_t m, std::int64_t runs, std::int64_t length, std::int64_t n, bool is_signed, bool to_float,
             bool paired) {
    const TwoOfFourKernel& kernel = *GetParam();
    const std::int64_t k = runs * length, stride = n + 3;
    test::Random random(static_cast<std::uint32_t>(m * 7919 + k * 131 + n));
    std::vector<std::unique_ptr<Guarded<std::uint8_t>>> pool;
    for (int i = 0; i < 5; ++i) {
      auto bytes = random.bytes(length);
      for (auto& x : bytes) x = random.between(0, 2) == 0 ? 0 : x;
      pool.push_back(std::make_unique<Guarded<std::uint8_t>>(bytes));
    }
    std::vector<const std::uint8_t*> rows(m * runs);
    for (auto& row : rows) row = pool[random.between(0, 4)]->data();
    auto weight = random.weights(n * k);
    for (std::int64_t o = 0; o < n; ++o) {  // at least two zeros in each group of four
      for (std::int64_t i = 0; i < k; ++i) {
        const std::int64_t zero = (o + i / 4) % 4;
        if (i % 4 == zero || i % 4 == (zero + 1 + o % 3) % 4) weight[o * k + i] = 0;
      }
    }
    auto pair = random.bytes(256), lone = random.bytes(256);
    pair[0] = lone[0] = 0;
    std::vector<std::int32_t> bias(n);
    std::vector<float> multiplier(n);
    for (auto& b : bias) b = static_cast<std::int32_t>(random.between(-10000, 10000));
    for (auto& x : multiplier) x = random.real(0.01f);
    const auto packed = pack_two_of_four(weight.data(), bias.data(), multiplier.data(), n, k);
    ASSERT_TRUE(packed);

    std::vector<std::uint8_t> bytes(m * stride - 3, 0xA5);
    std::vector<float> reals(m * stride - 3, -77.0f);
    Guarded<std::uint8_t> byte_out(bytes);
    Guarded<float> real_out(reals);
    std::vector<std::uint8_t> scratch(two_of_four_scratch(k) + 64);
    TwoOfFourArgs args;
    args.m = m;
    args.rows = rows.data();
    args.runs = runs;
    args.run_length = length;
    args.weights = packed->view();
    args.tables = {pair.data(), lone.data(), paired};
    args.signed_input = is_signed;
    args.epilogue = is_signed ? Epilogue{to_float, -128, 127, -3.5f, 90.25f} : Epilogue{to_float, 0, 255};
    args.out = to_float ? static_cast<void*>(real_out.data()) : byte_out.data();
    args.out_stride = stride;
    args.scratch = scratch.data() + (64 - reinterpret_cast<std::uintptr_t>(scratch.data()) % 64) % 64;
    kernel.run(args);

    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t o = 0; o < n; ++o) {
        std::int32_t acc = bias[o];
        for (std::int64_t group = 0; group < k; group += 4) {
          std::uint8_t x[2] = {0, 0};
          std::int32_t w[2] = {0, 0};
          int kept = 0;
          for (std::int64_t i = group; i < std::min(group + 4, k); ++i) {
            if (weight[o * k + i] == 0) continue;
            x[kept] = rows[r * runs + i / length][i % length];
            w[kept++] = weight[o * k + i];
          }
          for (int i = 0; i < 2; ++i) {
            const std::uint8_t value = paired && x[1 - i] == 0 ? lone[x[i]] : pair[x[i]];
            acc += (is_signed ? static_cast<std::int8_t>(value) : value) * w[i];
          }
        }
        bytes[r * stride + o] =
            static_cast<std::uint8_t>(requantize(acc, multiplier[o], args.epilogue.lo, args.epilogue.hi));
        reals[r * stride + o] =
            std::min(std::max(static_cast<float>(acc) * multiplier[o], args.epilogue.clamp_lo), args.epilogue.clamp_hi);
      }
    }
    if (to_float) {
      EXPECT_TRUE(test::same_bits(real_out.values(), reals)) << m << " " << runs << " " << length << " " << n;
    } else {
      EXPECT_EQ(byte_out.values(), bytes) << m << " " << runs << " " << length << " " << n;
    }
  }
};

TEST_P(TwoOfFour, MatchesPlainLoop) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  for (const bool is_signed : {false, true}) {
    for (const bool to_float : {false, true}) {
      for (const bool paired : {false, true}) {
        for (const std::int64_t m : {1, 2, 33, 63, 64}) check(m, 3, 12, 5, is_signed, to_float, paired);
        for (const std::int64_t length : {1, 3, 4, 15, 16, 17}) check(7, 9, length, 17, is_signed, to_float, paired);
      }
    }
  }
}

TEST(PackTwoOfFour, RefusesThreeOfFour) {
  const std::int8_t weight[] = {1, 2, 0, 0, 3, 4, 5, 0};
  const std::int32_t bias = 0;
  const float multiplier = 1;
  EXPECT_FALSE(pack_two_of_four(weight, &bias, &multiplier, 1, 8));
  EXPECT_TRUE(pack_two_of_four(weight, &bias, &multiplier, 1, 4));
}

INSTANTIATE_TEST_SUITE_P(Kernels, TwoOfFour, testing::ValuesIn(two_of_four_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
