#include "train/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.h"

namespace bitsieve::train {
namespace {

// Picture i is gray and bright as its number; its label is its number, too.
class Numbered : public Dataset {
 public:
  explicit Numbered(std::int64_t count) : count_(count) {}
  std::int64_t size() const override { return count_; }
  std::string description() const override { return "numbers"; }
  int label(std::int64_t i) const override { return static_cast<int>(i); }
  Image image(std::int64_t i) const override {
    if (i == broken) fail("numbers: picture {} is broken", i);
    return {4, 4, 1, std::vector<std::uint8_t>(16, static_cast<std::uint8_t>(i))};
  }
  std::int64_t broken = -1;

 private:
  std::int64_t count_;
};

Preprocessing gray() {
  Preprocessing p;
  p.channels = ChannelOrder::gray;
  p.scale = 1;
  return p;
}

BatchOptions options(int threads, bool augment = false) {
  BatchOptions o;
  o.batch = 8;
  o.threads = threads;
  o.augment = augment;
  return o;
}

const Shape input{1, 4, 4};

TEST(Batches, EveryImageOnceAnEpochInAnotherOrder) {
  const Numbered data(60);
  BatchStream stream(data, gray(), input, options(2));
  ASSERT_EQ(stream.batches(), 7);
  std::vector<std::vector<std::int64_t>> epochs;
  std::set<std::int64_t> all;
  for (std::int64_t e = 0; e < 4; ++e) {
    std::vector<std::int64_t> labels;
    for (std::int64_t b = 0; b < stream.batches(); ++b) {
      const Batch batch = stream.take(e, b);
      ASSERT_EQ(batch.images.size(), 8u * 16);
      for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(batch.images[i * 16 + 5], static_cast<float>(batch.labels[i]));
      labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
    }
    EXPECT_EQ(std::set<std::int64_t>(labels.begin(), labels.end()).size(), 56u);
    for (const auto& earlier : epochs) EXPECT_NE(labels, earlier);
    all.insert(labels.begin(), labels.end());
    epochs.push_back(labels);
  }
  EXPECT_EQ(all.size(), 60u);  // the four left over are others each time
}

// Epochs of two batches: three of them are a pass, in which no image comes twice.
TEST(Batches, AnEpochMayBePartOfAPass) {
  const Numbered data(60);
  BatchOptions o = options(2);
  o.epoch_images = 17;
  BatchStream stream(data, gray(), input, o);
  ASSERT_EQ(stream.batches(), 2);
  std::set<std::int64_t> pass, all;
  for (std::int64_t e = 0; e < 9; ++e) {
    if (e % 3 == 0) pass.clear();
    for (std::int64_t b = 0; b < 2; ++b) {
      for (const std::int64_t label : stream.take(e, b).labels) {
        EXPECT_TRUE(pass.insert(label).second) << e;
        all.insert(label);
      }
    }
  }
  EXPECT_GT(all.size(), 56u);
  o.epoch_images = 100;
  EXPECT_EQ(BatchStream(data, gray(), input, o).batches(), 7);
  o.epoch_images = 7;
  EXPECT_THROW(BatchStream(data, gray(), input, o), Error);
}

TEST(Batches, AreTheSameForAnyThreadsAndOrder) {
  const Numbered data(40);
  BatchStream one(data, gray(), input, options(1, true)), three(data, gray(), input, options(3, true));
  std::vector<Batch> seen;
  for (std::int64_t e = 0; e < 2; ++e) {
    for (std::int64_t b = 0; b < 5; ++b) seen.push_back(one.take(e, b));
  }
  for (const std::int64_t at : {7, 8, 9, 2, 3, 0, 9}) {
    const Batch again = three.take(at / 5, at % 5);
    EXPECT_EQ(again.labels, seen[static_cast<std::size_t>(at)].labels);
    EXPECT_EQ(again.images, seen[static_cast<std::size_t>(at)].images);
  }
}

TEST(Batches, AugmentsAnewInEveryEpoch) {
  const Numbered data(8);
  BatchStream stream(data, gray(), input, options(1, true));
  std::set<std::vector<float>> variants;
  for (std::int64_t e = 0; e < 6; ++e) {
    const Batch batch = stream.take(e, 0);
    const auto at = std::find(batch.labels.begin(), batch.labels.end(), 7) - batch.labels.begin();
    const auto image = batch.images.begin() + at * 16;
    variants.insert(std::vector<float>(image, image + 16));
  }
  EXPECT_GT(variants.size(), 3u);
}

TEST(Batches, TakesAChoiceOfImages) {
  const Numbered data(100);
  BatchOptions some = options(1);
  some.most_images = 16;
  BatchStream stream(data, gray(), input, some);
  EXPECT_EQ(stream.batches(), 2);
  std::set<std::int64_t> labels;
  for (std::int64_t e = 0; e < 3; ++e) {
    for (std::int64_t b = 0; b < 2; ++b) {
      const Batch batch = stream.take(e, b);
      labels.insert(batch.labels.begin(), batch.labels.end());
    }
  }
  EXPECT_EQ(labels.size(), 16u);
}

TEST(Batches, SaysWhatIsWrong) {
  Numbered data(20);
  EXPECT_THROW(BatchStream(Numbered(7), gray(), input, options(1)), Error);
  EXPECT_THROW(BatchStream(data, gray(), {3, 4, 4}, options(1)), Error);
  EXPECT_THROW(BatchStream(data, gray(), {16}, options(1)), Error);
  Preprocessing large = gray();
  large.height = large.width = 8;
  EXPECT_THROW(BatchStream(data, large, input, options(1)), Error);
  BatchStream other(data, gray(), {1, 5, 4}, options(1));
  EXPECT_THROW(other.take(0, 0), Error);
  data.broken = 3;
  BatchStream stream(data, gray(), input, options(2));
  int errors = 0;
  for (std::int64_t e = 0; e < 10; ++e) {
    for (std::int64_t b = 0; b < 2; ++b) {
      try {
        stream.take(e, b);
      } catch (const Error&) {
        ++errors;
      }
    }
  }
  EXPECT_GE(errors, 5);  // an epoch leaves out four of twenty
  EXPECT_LE(errors, 10);
}

}  // namespace
}  // namespace bitsieve::train
