#include "eval/accuracy.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "eval/test_network.h"

namespace bitsieve {
namespace {

// Scores are the input's own channels: image i has its largest value, 9, in channel i % 7 (and a tie where asked).
QuantizedModel identity_model() {
  test::TinyNetwork network({7, 1, 1});
  Tensor w({7, 7, 1, 1});
  for (std::size_t c = 0; c < 7; ++c) w.data[c * 8] = 1;
  network.conv("scores", std::move(w));
  return float_model(network.graph);
}

ImageSet identity_images(std::int64_t size, std::vector<int> labels) {
  ImageSet images;
  images.size = size;
  images.image = [](std::int64_t i, std::span<float> out) {
    for (std::size_t c = 0; c < 7; ++c) out[c] = static_cast<float>(c);  // rank of class c: 6 - c, behind the winner
    out[static_cast<std::size_t>(i % 7)] = 9;
  };
  if (!labels.empty()) images.label = [labels](std::int64_t i) { return labels[static_cast<std::size_t>(i)]; };
  return images;
}

std::string message(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Evaluate, CountsFirstAndFirstFive) {
  // Image 0: order 0 6 5 4 3 2 1. Image 1: 1 6 5 4 3 2 0. Image 2: no label. Image 3: 3 6 5 4 2 1 0.
  const Evaluation e = evaluate(identity_model(), identity_images(4, {0, 2, -1, 4}), {});
  EXPECT_EQ(e.predicted, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(e.count, 3);
  EXPECT_EQ(e.correct, 1);
  EXPECT_EQ(e.places, (std::vector<int>{0, 5, -1, 3}));
  EXPECT_EQ(e.correct5, 2);  // image 1's class 2 comes sixth
  EXPECT_NEAR(e.top1(), 100.0 / 3, 1e-12);
  EXPECT_GT(e.seconds, 0);
}

TEST(Evaluate, EqualScoresGoToTheLowerClass) {
  ImageSet images = identity_images(7, {0, 1, 2, 3, 4, 5, 6});
  images.image = [](std::int64_t, std::span<float> out) { std::fill(out.begin(), out.end(), 1.0f); };
  const Evaluation e = evaluate(identity_model(), images, {});
  EXPECT_EQ(e.correct, 1);
  EXPECT_EQ(e.correct5, 5);  // and not 7: a network that says nothing is not always among the first five
}

TEST(Evaluate, SameForAnyThreadsFormAndExecutor) {
  const QuantizedModel model = identity_model();
  std::vector<int> labels;
  for (int i = 0; i < 50; ++i) labels.push_back(i % 5);
  const ImageSet images = identity_images(50, labels);
  const Evaluation one = evaluate(model, images, {.threads = 1}), many = evaluate(model, images, {.threads = 5});
  const Evaluation most = evaluate(model, images, {.threads = std::numeric_limits<int>::max()});
  const Evaluation plain = evaluate(model, images, {.reference = true, .keep_scores = false});
  Batch batch{std::vector<std::vector<float>>(50, std::vector<float>(7)), labels};
  for (std::size_t i = 0; i < 50; ++i) images.image(static_cast<std::int64_t>(i), batch.images[i]);
  const Evaluation batched = evaluate(model, batch, 2);
  for (const Evaluation* e : {&many, &most, &plain, &batched}) {
    EXPECT_EQ(e->predicted, one.predicted);
    EXPECT_EQ(e->correct, one.correct);
    EXPECT_EQ(e->correct5, one.correct5);
  }
  EXPECT_EQ(many.scores, one.scores);
  EXPECT_EQ(batched.scores, one.scores);
  EXPECT_TRUE(plain.scores.empty());
  EXPECT_EQ(agreement(one, plain), 100);
}

TEST(Evaluate, MakesEveryImageOnceAndReportsProgressInOrder) {
  std::vector<std::atomic<int>> made(40);
  ImageSet images = identity_images(40, {});
  const auto image = images.image;
  images.image = [&](std::int64_t i, std::span<float> out) {
    ++made[static_cast<std::size_t>(i)];
    image(i, out);
  };
  std::int64_t last = 0;
  bool ordered = true;
  const Evaluation e = evaluate(identity_model(), images, {.threads = 4, .progress = [&](std::int64_t done) {
                                                             ordered = ordered && done == last + 1;
                                                             last = done;
                                                           }});
  for (const auto& times : made) EXPECT_EQ(times, 1);
  EXPECT_TRUE(ordered);
  EXPECT_EQ(last, 40);
  EXPECT_EQ(e.count, 0);
  EXPECT_EQ(e.labels, std::vector<int>(40, -1));
}

// images_per_second is about forward passes: slow images do not slow it down.
TEST(Evaluate, TimeOfImagesDoesNotCount) {
  ImageSet images = identity_images(4, {});
  const auto image = images.image;
  images.image = [&](std::int64_t i, std::span<float> out) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    while (std::chrono::steady_clock::now() < until) {
    }
    image(i, out);
  };
  EXPECT_LT(evaluate(identity_model(), images, {.threads = 1}).seconds, 0.04);  // 0.08 were spent on images
}

// Nor do workers count twice: no worker can run longer than the whole took.
TEST(Evaluate, TimeIsThatOfOneWorkerOnAverage) {
  test::TinyNetwork network({16, 24, 24});
  network.conv("layer", Tensor({16, 16, 3, 3}, 0.1f));
  ImageSet images{800, [](std::int64_t, std::span<float> out) { std::fill(out.begin(), out.end(), 1.0f); }, {}};
  const auto start = std::chrono::steady_clock::now();
  const double seconds = evaluate(float_model(network.graph), images, {.threads = 4, .keep_scores = false}).seconds;
  EXPECT_LE(seconds, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

TEST(Evaluate, ErrorsNameTheImage) {
  const QuantizedModel model = identity_model();
  EXPECT_EQ(message([&] {
              evaluate(model, identity_images(3, {0, 6, 7}), {});
            }),
            "image 2 has label 7; model 'tiny' has 7 classes, 0 to 6");
  EXPECT_EQ(message([&] {
              evaluate(model, identity_images(3, {0, -2, 1}), {});
            }),
            "image 1 has label -2; model 'tiny' has 7 classes, 0 to 6");
  ImageSet images = identity_images(3, {});
  images.image = [](std::int64_t i, std::span<float> out) {
    std::fill(out.begin(), out.end(), i == 1 ? std::numeric_limits<float>::quiet_NaN() : 1.0f);
  };
  EXPECT_EQ(
      message([&] { evaluate(model, images, {.threads = 1}); }),
      "image 1: model 'tiny' gives no number as the score of class 0; look for infinities in its weights or input");
  Batch batch{{std::vector<float>(6)}, {}};
  EXPECT_EQ(message([&] { evaluate(model, batch, 1); }), "image 0 has 6 values; the model wants 7");
  batch.labels = {1, 2};
  EXPECT_EQ(message([&] { evaluate(model, batch, 1); }), "2 labels for 1 images");
}

TEST(Sqnr, TenPercentNoiseIsTwentyDecibels) {
  const std::vector<float> reference{10, -10}, x{9, -11};
  EXPECT_NEAR(sqnr_db(reference, x), 20, 1e-9);
  EXPECT_TRUE(std::isinf(sqnr_db(reference, reference)));
  EXPECT_NEAR(logit_sqnr_db({{10}, {-10}}, {{9}, {-11}}), 20, 1e-9);
  EXPECT_THROW(logit_sqnr_db({{1}}, {}), Error);
  EXPECT_THROW(logit_sqnr_db({{1, 2}}, {{1}}), Error);
}

TEST(Agreement, CountsEqualFirstClasses) {
  EXPECT_EQ(agreement({{1, 2}, {3, 1}}, {{0, 1}, {0, 1}}), 50);
  EXPECT_THROW(agreement(Scores{}, Scores{}), Error);
}

TEST(PairedDropOfEvaluations, CountsChangedImages) {
  Evaluation a, b;
  a.labels = b.labels = {1, 1, 1, 1, -1};
  a.count = b.count = 4;
  a.predicted = {1, 1, 1, 0, 0};
  b.predicted = {1, 0, 0, 1, 1};
  const PairedDrop p = paired_drop(a, b);
  EXPECT_EQ(p.lost, 2);
  EXPECT_EQ(p.gained, 1);
  EXPECT_EQ(p.drop, 25);
  b.labels[0] = 0;
  EXPECT_EQ(message([&] { paired_drop(a, b); }), "a paired comparison needs the same labelled images for both models");
}

}  // namespace
}  // namespace bitsieve
