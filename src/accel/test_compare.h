// What tests of machines hold, printed: expected, measured, deviation.
#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace bitsieve::accel::test {

enum class Is { equal, at_least, at_most };

inline void compare(const std::string& what, Is relation, double expected, double measured) {
  const char* const words[] = {"", "at least ", "at most "};
  fmt::print("{:<56} expected {}{:.10g} measured {:.10g} deviation {:.3f} %\n", what,
             words[static_cast<std::size_t>(relation)], expected, measured,
             expected == 0 ? 0 : 100 * (measured - expected) / expected);
  const double margin = 1e-12 * expected;  // of sums of fractions of cycles
  if (relation == Is::equal) {
    EXPECT_DOUBLE_EQ(measured, expected) << what;
  } else if (relation == Is::at_least) {
    EXPECT_GE(measured, expected - margin) << what;
  } else {
    EXPECT_LE(measured, expected + margin) << what;
  }
}

inline void compare(const std::string& what, double expected, double measured) {
  compare(what, Is::equal, expected, measured);
}

}  // namespace bitsieve::accel::test

// Named by the expression that is measured.
#define BITSIEVE_COMPARE(measured, expected) \
  bitsieve::accel::test::compare(#measured, static_cast<double>(expected), static_cast<double>(measured))
