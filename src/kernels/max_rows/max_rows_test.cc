#include "kernels/max_rows/max_rows.h"

#include <cmath>
#include <limits>
#include <memory>

#include "kernels/test_util.h"

namespace bitsieve {
namespace {

using test::Guarded;

class MaxRows : public testing::TestWithParam<const MaxRowsKernel*> {
 protected:
  // Rows that end at guard pages, and the output as well.
  template <class T, class Run>
  void check(const std::vector<std::vector<T>>& rows, bool from_first, Run run) {
    const auto n = static_cast<std::int64_t>(rows[0].size());
    std::vector<std::unique_ptr<Guarded<T>>> guarded;
    std::vector<const T*> pointers;
    for (const auto& row : rows) {
      guarded.push_back(std::make_unique<Guarded<T>>(row));
      pointers.push_back(guarded.back()->data());
    }
    std::vector<T> wanted(rows[0].size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      wanted[i] = from_first ? rows[0][i] : static_cast<T>(-INFINITY);
      for (const auto& row : rows) wanted[i] = row[i] > wanted[i] ? row[i] : wanted[i];
    }
    Guarded<T> out(n);
    run(pointers.data(), static_cast<std::int64_t>(rows.size()), n, out.data());
    EXPECT_EQ(std::memcmp(out.data(), wanted.data(), wanted.size() * sizeof(T)), 0) << n << " of " << rows.size();
  }
};

TEST_P(MaxRows, MatchesPlainLoop) {
  const MaxRowsKernel& kernel = *GetParam();
  BITSIEVE_SKIP_UNSUPPORTED(kernel);
  test::Random random(1);
  const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, std::numeric_limits<float>::quiet_NaN()};
  for (std::int64_t n : {1, 3, 7, 8, 9, 15, 31, 32, 33, 63, 64, 96, 127, 128, 129, 160, 255, 300}) {
    for (const std::size_t count : {1, 2, 3, 9, 25}) {
      std::vector<std::vector<std::uint8_t>> u8;
      std::vector<std::vector<std::int8_t>> s8;
      std::vector<std::vector<float>> f32;
      for (std::size_t r = 0; r < count; ++r) {
        u8.push_back(random.bytes(n));
        s8.push_back(random.weights(n));
        f32.emplace_back(static_cast<std::size_t>(n));
        for (auto& x : f32.back()) x = random.between(0, 1) ? special[random.between(0, 4)] : random.real(9);
      }
      check(u8, true, kernel.u8);
      check(s8, true, kernel.s8);
      check(f32, false, kernel.f32);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, MaxRows, testing::ValuesIn(max_rows_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
