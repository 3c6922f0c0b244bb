#include "kernels/shift_gemv/shift_gemv.h"

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "kernels/test_util.h"
#include "quant/requantize.h"

namespace bitsieve {
namespace {

using test::Guarded;

constexpr int kMixed = 0;  // shifts: those of each row are drawn

struct Case {
  std::int64_t n, k, group;
  int shifts;
  bool extreme = false;     // every activation and weight at the end of its range
  bool wide_turns = false;  // every second panel has 8 shifts
};

struct Matrix {
  std::vector<std::int8_t> weight;
  std::vector<std::uint8_t> sets;
};

Matrix draw(const Case& c, test::Random& random) {
  Matrix m;
  const std::int64_t groups = (c.k + c.group - 1) / c.group;
  m.weight.resize(c.n * c.k);
  for (std::int64_t n = 0; n < c.n; ++n) {
    // Rows drawn at random are seldom so wide that their panel is kept as plain bytes.
    auto shifts = c.shifts == kMixed ? random.between(0, random.between(0, 3) == 0 ? 8 : 4) : c.shifts;
    if (c.wide_turns && n / shift_gemv_rows % 2 == 1) shifts = 8;
    for (std::int64_t g = 0; g < groups; ++g) {
      unsigned set = c.extreme ? 0x80 : 0;
      while (std::popcount(set) < shifts) set |= 1u << random.between(0, 7);
      m.sets.push_back(static_cast<std::uint8_t>(set));
      for (std::int64_t i = g * c.group; i < std::min(c.k, (g + 1) * c.group); ++i) {
        const auto magnitude = static_cast<int>(c.extreme ? 0x80 : random.between(0, 255) & set);
        const bool negative = magnitude >= 128 || random.between(0, 1) == 0;
        // 128 can be negative only, and no magnitude is larger.
        const int shown = magnitude > 128 ? magnitude & 127 : magnitude;
        m.weight[n * c.k + i] = static_cast<std::int8_t>(negative ? -shown : shown);
      }
    }
  }
  return m;
}

class ShiftGemv : public testing::TestWithParam<const ShiftGemvKernel*> {
 protected:
  void SetUp() override {
    BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
    if (GetParam()->needs_gfni && !gfni_supported()) GTEST_SKIP() << "no GFNI";
  }

  void check(const Case& c, bool is_signed, bool to_float) {
    const ShiftGemvKernel& kernel = *GetParam();
    test::Random random(static_cast<std::uint32_t>(c.n * 7919 + c.k * 131 + c.group * 8 + c.shifts));
    const Matrix matrix = draw(c, random);
    auto bytes = random.bytes(c.k);
    if (c.extreme) bytes.assign(bytes.size(), is_signed ? 128 : 255);
    Guarded<std::uint8_t> x(bytes);
    std::vector<std::int32_t> bias(c.n);
    std::vector<float> multiplier(c.n);
    for (auto& b : bias) b = static_cast<std::int32_t>(random.between(-100000, 100000));
    // Powers of two make exact ties between integers.
    for (auto& y : multiplier) y = random.between(0, 1) ? 1.0f / 1024 : random.real(0.01f);
    const ShiftGemvWeights packed =
        kernel.pack({c.n, c.k, c.group, matrix.weight.data(), matrix.sets.data(), bias.data(), multiplier.data()});

    ShiftGemvArgs args;
    args.x = x.data();
    args.weights = packed.view;
    args.signed_input = is_signed;
    args.from_memory = to_float;
    args.epilogue = is_signed ? Epilogue{to_float, -128, 127, -3.5f, 900.25f} : Epilogue{to_float, 0, 255};
    std::vector<std::uint8_t> byte_values(c.n);
    std::vector<float> real_values(c.n);
    for (std::int64_t n = 0; n < c.n; ++n) {
      std::int64_t acc = bias[n];
      for (std::int64_t i = 0; i < c.k; ++i)
        acc += (is_signed ? static_cast<std::int8_t>(bytes[i]) : bytes[i]) * matrix.weight[n * c.k + i];
      const Epilogue& e = args.epilogue;
      byte_values[n] = static_cast<std::uint8_t>(requantize(static_cast<std::int32_t>(acc), multiplier[n], e.lo, e.hi));
      real_values[n] = std::min(
          std::max(static_cast<float>(static_cast<std::int32_t>(acc)) * multiplier[n], e.clamp_lo), e.clamp_hi);
    }
    const std::string what = fmt::format("n {}, k {}, group {}, shifts {}", c.n, c.k, c.group, c.shifts);
    // All rows at once, then a part that starts and ends inside panels: the others keep what they had.
    for (const bool part : {false, true}) {
      args.first = part ? c.n / 4 : 0;
      args.last = part ? c.n - c.n / 3 : c.n;
      Guarded<std::uint8_t> byte_out(std::vector<std::uint8_t>(c.n, 0xA5));
      Guarded<float> real_out(std::vector<float>(c.n, -77.0f));
      Guarded<std::uint8_t> scratch((shift_gemv_scratch_bytes(packed.view) + 63) / 64 * 64);
      args.scratch = part ? scratch.data() : nullptr;
      args.out = to_float ? static_cast<void*>(real_out.data()) : byte_out.data();
      test::leaving_registers_clean([&] { kernel.run(args); });
      auto expected_bytes = byte_values;
      auto expected_reals = real_values;
      for (std::int64_t n = 0; n < c.n; ++n) {
        if (n >= args.first && n < args.last) continue;
        expected_bytes[n] = 0xA5;
        expected_reals[n] = -77.0f;
      }
      if (to_float) {
        EXPECT_TRUE(test::same_bits(real_out.values(), expected_reals)) << what;
      } else {
        EXPECT_EQ(byte_out.values(), expected_bytes) << what;
      }
    }
  }

  void keeps_bytes(std::int64_t group) {
    test::Random random(3);
    const std::int64_t n = 6, k = 77;
    const auto weight = random.weights(n * k);
    const auto x = random.bytes(k);
    const std::vector<float> multiplier(n, 1.0f);
    std::vector<float> out(n);
    ShiftGemvArgs args;
    const ShiftGemvWeights packed = GetParam()->pack({n, k, group, weight.data(), nullptr, nullptr, multiplier.data()});
    args.last = n;
    args.x = x.data();
    args.weights = packed.view;
    args.epilogue.to_float = true;
    args.out = out.data();
    test::leaving_registers_clean([&] { GetParam()->run(args); });
    for (std::int64_t o = 0; o < n; ++o) {
      std::int32_t acc = 0;
      for (std::int64_t i = 0; i < k; ++i) acc += x[i] * weight[o * k + i];
      EXPECT_EQ(out[o], static_cast<float>(acc));
    }
  }

  void check_all(const Case& c) {
    for (bool is_signed : {false, true}) {
      for (bool to_float : {false, true}) check(c, is_signed, to_float);
    }
  }
};

TEST_P(ShiftGemv, MatchesPlainLoop) {
  for (const std::int64_t group : {1, 2, 4, 8, 16, 32}) {
    for (const int shifts : {kMixed, 1, 2, 3, 4, 5, 6, 7, 8}) {
      for (const std::int64_t k : {1, 3, 63, 64, 65, 200, 515}) check_all({7, k, group, shifts});
    }
  }
}

TEST_P(ShiftGemv, AnyNumberOfRows) {
  for (const std::int64_t group : {4, 8, 16, 32}) {
    for (std::int64_t n = 1; n < 14; ++n) check_all({n, 133, group, kMixed});
    check_all({101, 260, group, kMixed});
  }
}

TEST_P(ShiftGemv, ExtremesDoNotSaturate) {
  for (const std::int64_t group : {4, 8, 16, 32}) {
    // Near 2^30: float(acc) rounds.
    for (const int shifts : {1, 2, 3, 4, 8}) check_all({5, 32768, group, shifts, true});
  }
}

// Panels too wide to be packed among narrow ones: where a panel starts depends on those before it.
TEST_P(ShiftGemv, WideAndNarrowPanelsInTurn) {
  for (const std::int64_t group : {4, 8, 16, 32}) {
    for (const std::int64_t k : {65, 300, 1100}) {
      for (const int narrow : {1, 2, 3}) check_all({29, k, group, narrow, false, true});
    }
  }
}

TEST_P(ShiftGemv, KeepsWeightsWithoutSetsAsBytes) {
  for (const std::int64_t group : {4, 16}) keeps_bytes(group);
}

TEST_P(ShiftGemv, PackedIsWhatTheFormSays) {
  const std::int64_t n = 8, k = 1024;
  const std::vector<std::int8_t> weight(n * k, 0);
  const std::vector<float> multiplier(n, 1.0f);
  const auto bits = [&](std::int64_t group, int shifts) {
    const std::vector<std::uint8_t> sets(n * k / group, static_cast<std::uint8_t>((1u << shifts) - 1));
    const auto packed = GetParam()->pack({n, k, group, weight.data(), sets.data(), nullptr, multiplier.data()});
    return static_cast<double>(packed.packed_bytes * 8) / (n * k);
  };
  for (const int shifts : {1, 2, 3, 4}) EXPECT_EQ(bits(4, shifts), 1 + shifts + 2);
  EXPECT_EQ(bits(4, 5), 8);
  EXPECT_EQ(bits(8, 3), 1 + 3 + 1);
  EXPECT_EQ(bits(16, 2), 1 + 2 + 0.5);
  EXPECT_EQ(bits(32, 6), 1 + 6 + 0.25);
  EXPECT_EQ(bits(8, 6), 8);  // as large as plain bytes
  EXPECT_EQ(bits(2, 1), 8);
}

TEST_P(ShiftGemv, RefusesMagnitudesOutsideTheirSet) {
  const std::int8_t weight[] = {1, -3, 4, 0};
  const std::uint8_t right[] = {7}, wrong[] = {3};
  const float multiplier[] = {1.0f};
  EXPECT_NO_THROW(GetParam()->pack({1, 4, 4, weight, right, nullptr, multiplier}));
  EXPECT_THROW(GetParam()->pack({1, 4, 4, weight, wrong, nullptr, multiplier}), Error);
}

INSTANTIATE_TEST_SUITE_P(Kernels, ShiftGemv, testing::ValuesIn(shift_gemv_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
