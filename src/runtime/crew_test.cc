#include "runtime/crew.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace bitsieve {
namespace {

TEST(Crew, DoesEveryIndexOnceJobAfterJob) {
  for (const int threads : {1, 2, 5}) {
    Crew crew(threads);
    EXPECT_EQ(crew.threads(), threads);
    for (int job = 0; job < 300; ++job) {
      const std::int64_t count = job % 7 * 5;
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
      crew.run(count, [&](std::int64_t i, int worker) {
        ASSERT_GE(worker, 0);
        ASSERT_LT(worker, threads);
        ++seen[static_cast<std::size_t>(i)];
      });
      for (const auto& times : seen) ASSERT_EQ(times, 1);
    }
  }
}

TEST(Crew, ThrowsWhatABodyThrewAndGoesOn) {
  Crew crew(3);
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(crew.run(50,
                          [](std::int64_t i, int) {
                            if (i == 20) throw std::runtime_error("20");
                          }),
                 std::runtime_error);
    std::atomic<int> sum{0};
    crew.run(50, [&](std::int64_t i, int) { sum += static_cast<int>(i); });
    EXPECT_EQ(sum, 1225);
  }
}

}  // namespace
}  // namespace bitsieve
