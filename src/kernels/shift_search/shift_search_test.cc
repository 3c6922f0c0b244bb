#include "kernels/shift_search/shift_search.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "kernels/test_util.h"

namespace bitsieve {
namespace {

// Errors that look like those of SWIS: the set's number of positions spaced evenly, and a sign.
int error_of(int weight, int set) {
  const int step = 1 + set % 8 * 9, u = std::abs(weight);
  const int q = (u + step / 2) / step * step;
  const int e = std::min(u, 127) - std::min(q, 126);
  return weight < 0 ? -e : e;
}

struct Result {
  std::vector<std::uint8_t> set;
  std::vector<std::uint32_t> cost;
  bool operator==(const Result&) const = default;
};

Result run(const ShiftSearchKernel& kernel, const ShiftSearchTable& table, const std::vector<std::int8_t>& weights,
           std::int64_t group) {
  const auto groups = static_cast<std::int64_t>(weights.size()) / group;
  Result r{std::vector<std::uint8_t>(static_cast<std::size_t>(groups)),
           std::vector<std::uint32_t>(static_cast<std::size_t>(groups))};
  test::leaving_registers_clean([&] {
    kernel.run({&table, weights.data(), groups, group, r.set.data(), r.cost.data()});
  });
  return r;
}

// By the definition in the header alone.
Result expected(int sets, std::int64_t numerator, std::int64_t denominator, const std::vector<std::int8_t>& weights,
                std::int64_t group) {
  Result r;
  for (std::size_t at = 0; at < weights.size(); at += static_cast<std::size_t>(group)) {
    std::int64_t least = INT64_MAX;
    int best = 0;
    for (int s = 0; s < sets; ++s) {
      std::int64_t squares = 0, sum = 0;
      for (std::size_t i = at; i < at + static_cast<std::size_t>(group); ++i) {
        const int e = error_of(weights[i], s);
        squares += e * e;
        sum += e;
      }
      const std::int64_t j = denominator * squares + numerator * sum * sum;
      if (j < least) least = j, best = s;
    }
    r.set.push_back(static_cast<std::uint8_t>(best));
    r.cost.push_back(static_cast<std::uint32_t>(least));
  }
  return r;
}

TEST(ShiftSearch, EveryKernelFindsTheFirstSetOfLeastCost) {
  std::mt19937 random(5);
  for (const int sets : {1, 2, 8, 28, 31, 32, 33, 56, 64, 65, 70}) {
    for (const auto& [numerator, denominator] : {std::pair{0, 1}, {1, 1}, {2, 1}, {1, 2}, {5, 8}, {64, 1}, {63, 8}}) {
      const ShiftSearchTable table(sets, numerator, denominator, error_of);
      for (const std::int64_t group : {1, 2, 3, 4, 8, 16, 32}) {
        std::vector<std::int8_t> weights(static_cast<std::size_t>(group) * 60);
        for (std::size_t i = 0; i < weights.size(); ++i) {
          // Small, any, and extreme weights; groups of the latter leave the range of 16 bits.
          const std::size_t kind = i / static_cast<std::size_t>(group) % 3;
          const int any = static_cast<int>(random() % 256) - 128;
          weights[i] = static_cast<std::int8_t>(kind == 0 ? any / 16 : kind == 1 ? any : 120 + any / 16 % 8);
        }
        const Result want = expected(sets, numerator, denominator, weights, group);
        for (const ShiftSearchKernel* kernel : shift_search_kernels()) {
          if (!isa_supported(kernel->isa)) continue;
          EXPECT_EQ(run(*kernel, table, weights, group), want)
              << kernel->name << " sets " << sets << " group " << group << " alpha " << numerator << "/" << denominator;
        }
      }
    }
  }
}

TEST(ShiftSearch, EverySingleWeightWithEveryNumberOfLanes) {
  for (const int sets : {8, 40, 70}) {
    const ShiftSearchTable table(sets, 1, 1, error_of);
    std::vector<std::int8_t> weights;
    for (int w = -128; w < 128; ++w) weights.push_back(static_cast<std::int8_t>(w));
    for (const ShiftSearchKernel* kernel : shift_search_kernels()) {
      if (!isa_supported(kernel->isa)) continue;
      EXPECT_EQ(run(*kernel, table, weights, 1), expected(sets, 1, 1, weights, 1)) << kernel->name;
    }
  }
}

TEST(ShiftSearch, TheSelectionGoesByInstructionSet) {
  EXPECT_EQ(select_shift_search(Isa::portable).isa, Isa::portable);
  for (const ShiftSearchKernel* kernel : shift_search_kernels()) EXPECT_EQ(&select_shift_search(kernel->isa), kernel);
}

}  // namespace
}  // namespace bitsieve
