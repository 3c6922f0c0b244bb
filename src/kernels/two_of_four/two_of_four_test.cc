#include "kernels/two_of_four/two_of_four.h"

#include <algorithm>
#include <memory>

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

enum class Lone { by_table, kept };  // kept: a value beside a zero stays as it is

// How an output channel may keep weights of a group: bit i for input i.
constexpr int kept_of[11] = {0, 1, 2, 4, 8, 3, 5, 9, 6, 10, 12};

// The specification's sum of one output over a group of four, with the weights of one output channel.
template <class Integer>
std::int32_t sum_of_group(const std::uint8_t* values, const std::int8_t* weights, const std::vector<std::uint8_t>& pair,
                          const std::vector<std::uint8_t>& lone, Integer integer) {
  std::uint8_t x[2] = {0, 0};
  std::int32_t w[2] = {0, 0};
  int kept = 0;
  for (int i = 0; i < 4; ++i) {
    if (weights[i] == 0) continue;
    x[kept] = values[i];
    w[kept++] = weights[i];
  }
  std::int32_t sum = 0;
  for (int i = 0; i < 2; ++i) sum += integer(x[1 - i] == 0 ? lone[x[i]] : pair[x[i]]) * w[i];
  return sum;
}

class TwoOfFour : public testing::TestWithParam<const TwoOfFourKernel*> {
 protected:
  // Expands rows and multiplies them.
  void check(const Case& c, Lone kind, bool is_signed, bool to_float) {
    const TwoOfFourKernel& kernel = *GetParam();
    const std::int64_t k = c.taps * c.depth, groups = c.depth / 4, stride = c.n + 3;
    test::Random random(static_cast<std::uint32_t>(c.m * 7919 + c.n * 131 + k));
    auto pair = random.bytes(256), lone = random.bytes(256);
    if (c.extreme) pair.assign(256, is_signed ? 128 : 255);
    pair[0] = lone[0] = 0;
    for (int x = 0; x < 256 && kind == Lone::kept; ++x) lone[x] = static_cast<std::uint8_t>(x);

    // Several rows share an address, as in a convolution; each ends at a guard page.
    std::vector<std::vector<std::uint8_t>> values;
    std::vector<std::unique_ptr<Guarded<std::uint8_t>>> expanded;
    for (int i = 0; i < 9; ++i) {
      auto row = random.bytes(c.depth);
      for (auto& x : row) x = c.extreme ? 200 : random.between(0, 2) == 0 ? 0 : x;
      std::vector<std::uint8_t> planes = row;
      for (const std::uint8_t x : row) planes.push_back(pair[x]);
      for (const std::uint8_t x : row) {
        if (kind == Lone::by_table) planes.push_back(lone[x]);
      }
      Guarded<std::uint8_t> in(planes);
      expanded.push_back(std::make_unique<Guarded<std::uint8_t>>(groups * bytes_of_four));
      test::leaving_registers_clean([&] {
        kernel.expand({in.data(), c.depth, kind == Lone::by_table}, groups, expanded.back()->data());
      });
      values.push_back(row);
    }
    std::vector<std::size_t> chosen(c.m * c.taps);
    std::vector<const std::uint8_t*> rows;
    for (auto& i : chosen) {
      i = static_cast<std::size_t>(random.between(0, 8));
      rows.push_back(expanded[i]->data());
    }

    auto weight = random.weights(c.n * k);
    if (c.extreme) weight.assign(weight.size(), -128);
    for (std::int64_t i = 0; i < c.n * k; i += 4) {
      const int kept = kept_of[random.between(c.extreme ? 5 : 0, 10)];
      for (int b = 0; b < 4; ++b) {
        if ((kept >> b & 1) == 0) weight[i + b] = 0;
      }
    }
    std::vector<std::int32_t> bias(c.n);
    std::vector<float> multiplier(c.n);
    for (auto& b : bias) b = static_cast<std::int32_t>(random.between(-100000, 100000));
    // Powers of two make exact ties between integers.
    for (auto& x : multiplier) x = random.between(0, 1) ? 1.0f / 1024 : random.real(c.scale);

    const auto packed = kernel.pack({c.n, c.taps, c.depth, weight.data(), bias.data(), multiplier.data()});
    ASSERT_TRUE(packed);
    std::vector<PackedLine> scratch((kernel.scratch_bytes(packed->view) + 63) / 64);
    QGemmArgs args;
    args.m = c.m;
    args.rows = rows.data();
    args.weights = packed->view;
    args.signed_input = is_signed;
    args.epilogue = is_signed ? Epilogue{to_float, -128, 127, -3.5f, 900.25f} : Epilogue{to_float, 0, 255};
    if (c.scale > 0.5f && !to_float) args.epilogue = is_signed ? Epilogue{false, -100, 90} : Epilogue{false, 5, 200};
    args.out_stride = stride;
    args.scratch = reinterpret_cast<std::uint8_t*>(scratch.data());
    std::vector<std::uint8_t> bytes(c.m * stride - 3, 0xA5);
    std::vector<float> reals(c.m * stride - 3, -77.0f);
    Guarded<std::uint8_t> byte_out(bytes);
    Guarded<float> real_out(reals);
    args.out = to_float ? static_cast<void*>(real_out.data()) : byte_out.data();
    test::leaving_registers_clean([&] { kernel.run(args); });

    const auto integer = [&](std::uint8_t x) -> std::int32_t { return is_signed ? static_cast<std::int8_t>(x) : x; };
    for (std::int64_t m = 0; m < c.m; ++m) {
      for (std::int64_t n = 0; n < c.n; ++n) {
        std::int32_t acc = bias[n];
        for (std::int64_t i = 0; i < k; i += 4) {
          const auto& row = values[chosen[m * c.taps + i / c.depth]];
          acc += sum_of_group(row.data() + i % c.depth, weight.data() + n * k + i, pair, lone, integer);
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

  void check_all(const Case& c) {
    for (const Lone kind : {Lone::by_table, Lone::kept}) {
      for (const bool is_signed : {false, true}) {
        for (const bool to_float : {false, true}) check(c, kind, is_signed, to_float);
      }
    }
  }
};

// Every pair of values at every two places of a group, beside it what the other two must not change.
TEST_P(TwoOfFour, ExpandsEveryPair) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  if (GetParam()->needs_vbmi && !vbmi_supported()) GTEST_SKIP() << "no AVX-512 VBMI";
  test::Random random(1);
  auto pair = random.bytes(256), lone = random.bytes(256);
  pair[0] = lone[0] = 0;
  for (const std::int64_t groups : {1, 2, 3, 4, 5, 7, 8, 33, 64 * 1024}) {
    const bool every = groups > 64;
    std::vector<std::uint8_t> values = random.bytes(4 * groups);
    for (std::int64_t g = 0; g < groups; ++g) {
      const int first = static_cast<int>(g % 3), second = first + 1;
      if (every)
        values[4 * g + first] = static_cast<std::uint8_t>(g),
                       values[4 * g + second] = static_cast<std::uint8_t>(g >> 8);
    }
    std::vector<std::uint8_t> planes = values;
    for (const std::uint8_t x : values) planes.push_back(pair[x]);
    for (const std::uint8_t x : values) planes.push_back(lone[x]);
    Guarded<std::uint8_t> in(planes), out(groups * bytes_of_four);
    test::leaving_registers_clean([&] { GetParam()->expand({in.data(), 4 * groups, true}, groups, out.data()); });
    std::vector<std::uint8_t> expected;
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::uint8_t* const x = values.data() + 4 * g;
      for (int i = 0; i < 4; ++i) {
        for (int k = i + 1; k < 4; ++k) {
          expected.push_back(x[k] == 0 ? lone[x[i]] : pair[x[i]]);
          expected.push_back(x[i] == 0 ? lone[x[k]] : pair[x[k]]);
        }
      }
      for (int i = 0; i < 4; ++i) expected.push_back(lone[x[i]]);
    }
    EXPECT_TRUE(out.values() == expected) << groups;
  }
}

TEST_P(TwoOfFour, MatchesTheDefinition) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  if (GetParam()->needs_vbmi && !vbmi_supported()) GTEST_SKIP() << "no AVX-512 VBMI";
  for (std::int64_t m : {1, 2, 3, 4, 5, 6, 9, 10, 11, 24, 95, 96, 97, 101}) check_all({m, 17, 3, 8});
  for (std::int64_t n : {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65}) {
    check_all({11, n, 2, 4});
    check_all({6, n, 1, 12});
  }
  for (std::int64_t depth : {4, 8, 12, 16, 20, 64}) {
    for (std::int64_t taps : {1, 2, 9, 25}) check_all({7, 19, taps, depth});
  }
  // Sums in parts, which end within taps.
  check_all({6, 19, 3, 900});
  check_all({13, 3, 1, 2564});
}

// Multipliers of all signs just below 1 and above, so that products leave int32; bounds inside the range of bytes.
TEST_P(TwoOfFour, LargeMultipliers) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  if (GetParam()->needs_vbmi && !vbmi_supported()) GTEST_SKIP() << "no AVX-512 VBMI";
  for (const float scale : {0.9999f, 1.0f, 3e4f}) {
    check_all({13, 40, 3, 24, false, scale});
    check_all({7, 19, 9, 256, true, scale});
  }
}

TEST_P(TwoOfFour, ExtremesDoNotSaturate) {
  BITSIEVE_SKIP_UNSUPPORTED(*GetParam());
  if (GetParam()->needs_vbmi && !vbmi_supported()) GTEST_SKIP() << "no AVX-512 VBMI";
  check_all({7, 35, 9, 256, true});
  check_all({3, 5, 1, 65536, true});  // accumulators near 2^30: float(acc) rounds
}

TEST_P(TwoOfFour, RefusesThreeOfFour) {
  const std::int8_t weight[] = {1, 2, 0, 0, 3, 4, 5, 0};
  const float multiplier[] = {1, 1};
  EXPECT_FALSE(GetParam()->pack({1, 1, 8, weight, nullptr, multiplier}));
  EXPECT_FALSE(GetParam()->pack({2, 1, 4, weight, nullptr, multiplier}));
  EXPECT_TRUE(GetParam()->pack({1, 1, 4, weight, nullptr, multiplier}));
}

INSTANTIATE_TEST_SUITE_P(Kernels, TwoOfFour, testing::ValuesIn(two_of_four_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
