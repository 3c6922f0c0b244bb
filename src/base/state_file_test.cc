#include "base/state_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/hash.h"

namespace bitsieve {
namespace {

State sample() {
  State state;
  state.texts = {{"", "empty name"}, {"method", "bsq"}, {"zero", std::string(1, '\0')}};
  state.numbers = {{"epoch", 12}, {"loss", -0.1}, {"nothing", -0.0}, {"most", std::numeric_limits<double>::max()}};
  state.arrays = {{"weights", {1, -2.5f, 1e-40f, INFINITY}}, {"none", {}}};
  return state;
}

std::string error_of(const std::string& bytes) {
  try {
    parse_state(bytes, "file");
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(StateFile, ComesBack) {
  EXPECT_EQ(parse_state(to_bytes(sample()), "file"), sample());
  EXPECT_EQ(parse_state(to_bytes(State()), "file"), State());
}

TEST(StateFile, RefusesEveryDamage) {
  const std::string bytes = to_bytes(sample());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_NE(error_of(bytes.substr(0, i)), "") << "cut at " << i;
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_NE(error_of(damaged), "") << "bit of byte " << i;
  }
  EXPECT_EQ(error_of("hello"), "file: it is no state of ours");
}

// A right checksum over wrong lists: what somebody could write on purpose.
TEST(StateFile, RefusesWrongLists) {
  const std::string bytes = to_bytes(sample());
  const std::size_t body = 8 + 4 + 16;
  for (std::size_t i = body; i < bytes.size(); ++i) {
    for (const int bit : {0, 7}) {
      std::string forged = bytes;
      forged[i] = static_cast<char>(forged[i] ^ (1 << bit));
      const Digest digest = content_digest(std::string_view(forged).substr(body));
      std::copy(digest.begin(), digest.end(), forged.begin() + 12);
      try {
        const State state = parse_state(forged, "file");
        EXPECT_EQ(to_bytes(state), forged);
      } catch (const Error& e) {
        EXPECT_TRUE(std::string(e.what()).starts_with("file: ")) << e.what();
      }
    }
  }
}

TEST(StateFile, SaysWhatIsMissing) {
  const State state = sample();
  EXPECT_EQ(state.whole("epoch"), 12);
  EXPECT_EQ(state.array("weights", 4)[1], -2.5f);
  EXPECT_THROW(state.whole("loss"), Error);
  EXPECT_THROW(state.whole("most"), Error);
  EXPECT_THROW(state.text("model"), Error);
  EXPECT_THROW(state.array("weights", 3), Error);
}

}  // namespace
}  // namespace bitsieve
