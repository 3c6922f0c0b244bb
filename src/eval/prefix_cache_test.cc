#include "eval/prefix_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "base/error.h"
#include "eval/test_network.h"

namespace bitsieve {
namespace {

constexpr std::int64_t images = 20;
constexpr std::size_t layers = 6;
// 4 x 4 x 16 x 9 multiply-adds of every layer, and 64 bytes of every value: 4 channels of 4 x 4.
constexpr std::int64_t layer_macs = 4 * 4 * 16 * 9, value_size = 64;

// Six convolutions, the last one's output in float.
QuantizedModel chain(const std::string& act_code = "int8") {
  std::mt19937 random(1);
  test::TinyNetwork tiny({4, 4, 4});
  for (std::size_t i = 0; i < layers; ++i) {
    Tensor weight({4, 4, 3, 3});
    for (float& w : weight.data) w = static_cast<float>(static_cast<int>(random() % 201)) / 100.0f - 1;
    tiny.conv("layer" + std::to_string(i), std::move(weight));
  }
  return tiny.quantized({0.01f, 0.03f, 0.06f, 0.12f, 0.25f, 0.5f, 0}, std::vector<std::string>(layers, act_code));
}

// The same with other integers in layer `layer`.
QuantizedModel with_change(QuantizedModel model, std::size_t layer, int by = 1) {
  std::int8_t& w = model.layers[layer].weight.edit()[3];
  w = static_cast<std::int8_t>(w > 0 ? w - by : w + by);
  return model;
}

ImageSet random_images(std::atomic<int>* made = nullptr, std::uint32_t seed = 0) {
  ImageSet set;
  set.size = images;
  set.image = [=](std::int64_t index, std::span<float> out) {
    if (made != nullptr) ++*made;
    std::mt19937 random(static_cast<std::uint32_t>(index) + 1000 * seed);
    for (float& x : out) x = static_cast<float>(random() % 256) / 100.0f;
  };
  set.label = [](std::int64_t index) { return static_cast<int>(index * 7 % 64) - 1; };
  return set;
}

void expect_same(const Evaluation& got, const Evaluation& want) {
  EXPECT_EQ(got.scores, want.scores);
  EXPECT_EQ(got.predicted, want.predicted);
  EXPECT_EQ(got.labels, want.labels);
  EXPECT_EQ(got.count, want.count);
  EXPECT_EQ(got.correct, want.correct);
  EXPECT_EQ(got.correct5, want.correct5);
}

// Evaluates the models one after the other, each as without a cache, and returns how many layers every one of them ran.
std::vector<std::int64_t> layers_run(PrefixCache& cache, const ImageSet& set, const std::vector<QuantizedModel>& models,
                                     int threads = 1) {
  std::vector<std::int64_t> run;
  for (const QuantizedModel& model : models) {
    const PrefixCache::Work before = cache.work();
    const Evaluation want = evaluate(model, set, {.threads = 1});
    expect_same(cache.evaluate(model, {.threads = threads}), want);
    EXPECT_EQ(cache.work().whole - before.whole, images * layer_macs * static_cast<std::int64_t>(layers));
    EXPECT_EQ((cache.work().run - before.run) % (images * layer_macs), 0);
    run.push_back((cache.work().run - before.run) / (images * layer_macs));
  }
  return run;
}

using Counts = std::vector<std::int64_t>;

// Models of a search that changes layer 3, then layer 4 behind the change that it took, then layer 1.
std::vector<QuantizedModel> search_models() {
  const QuantizedModel base = chain(), taken = with_change(base, 3, 2);
  return {base, with_change(base, 3), taken, with_change(taken, 4), with_change(taken, 4, 2), with_change(taken, 1)};
}

TEST(PrefixCache, RunsTheChangedLayerAndWhatFollowsIt) {
  for (const int threads : {1, 3}) {
    PrefixCache cache(random_images());
    // The first model that shares layers computes them once more, to keep them; layer 3 behind it is shared next.
    EXPECT_EQ(layers_run(cache, random_images(), search_models(), threads), (Counts{6, 6, 3, 3, 2, 5}));
    EXPECT_NEAR(cache.work().saved_percent(), 100 * 11.0 / 36, 1e-9);
  }
}

// left and right compute the same of the input; behind each is a layer of its own, the first another one in every
// model.
QuantizedModel twins(float first) {
  test::TinyNetwork tiny({4, 4, 4});
  const ValueId input = tiny.graph.input;
  const auto conv = [&](const char* name, ValueId from, float weight) {
    tiny.graph.output = from;
    tiny.conv(name, Tensor({4, 4, 3, 3}, weight));
    return tiny.graph.output;
  };
  const ValueId left = conv("left", input, 0.25f), right = conv("right", input, 0.25f);
  Node sum{};
  sum.op = Op::add;
  sum.name = "sum";
  sum.inputs = {conv("behind_left", left, first), conv("behind_right", right, 0.1f)};
  sum.output = tiny.graph.output = tiny.graph.add_value("sum_out", {4, 4, 4});
  tiny.graph.nodes.push_back(sum);
  return float_model(tiny.graph);
}

// What two branches compute alike is kept once, and counted once.
TEST(PrefixCache, TwinsAreOneValue) {
  const std::int64_t one = images * value_size * 4;  // bytes of a float value of all images
  PrefixCache roomy(random_images(), {.inputs = false});
  for (const float first : {0.0f, 1.0f, 2.0f}) roomy.evaluate(twins(first), {.threads = 1});
  EXPECT_EQ(roomy.bytes(), one);
  for (std::int64_t budget = 0; budget <= 4 * one; budget += one / 2) {
    PrefixCache cache(random_images(), {.budget = budget});
    for (int i = 0; i < 12; ++i) {
      const QuantizedModel model = i % 4 > 1 ? chain() : twins(static_cast<float>(i));
      expect_same(cache.evaluate(model, {.threads = 1}), evaluate(model, random_images(), {.threads = 1}));
      EXPECT_LE(cache.bytes(), budget);
    }
  }
}

TEST(PrefixCache, AModelThatIsTheSameRunsNothing) {
  PrefixCache cache(random_images());
  EXPECT_EQ(layers_run(cache, random_images(), {chain(), chain(), chain()}), (Counts{6, 6, 0}));
}

// What a layer makes of the values that it reads is the layer's own.
TEST(PrefixCache, AnotherActivationCodeOfALayerKeepsWhatItReads) {
  std::vector<QuantizedModel> models(4, chain());
  const QuantizedModel other = chain("sparq-5opt-round"), third = chain("sparq-3opt-trim");
  models[1].layers[5] = other.layers[5];
  models[2].layers[5] = third.layers[5];
  models[3].layers[0] = other.layers[0];
  PrefixCache cache(random_images());
  EXPECT_EQ(layers_run(cache, random_images(), models), (Counts{6, 6, 1, 6}));
}

TEST(PrefixCache, ABudgetThatHoldsNothingRunsEverything) {
  for (const std::int64_t budget : {std::int64_t{0}, std::int64_t{1}, images * value_size - 1}) {
    for (const int threads : {1, 3}) {
      PrefixCache cache(random_images(), {.budget = budget});
      EXPECT_EQ(layers_run(cache, random_images(), search_models(), threads), Counts(6, 6));
      EXPECT_EQ(cache.bytes(), 0);
      EXPECT_EQ(cache.work().saved_percent(), 0);
    }
  }
}

// One value fits: what was read longest ago goes, what is read now stays.
TEST(PrefixCache, KeepsToItsBudget) {
  PrefixCache cache(random_images(), {.budget = images * value_size, .inputs = false});
  const QuantizedModel base = chain();
  std::vector<QuantizedModel> models{base,
                                     with_change(base, 3),
                                     with_change(base, 3, 2),
                                     with_change(base, 1),
                                     with_change(base, 1, 2),
                                     with_change(base, 3, 3)};
  EXPECT_EQ(layers_run(cache, random_images(), models), (Counts{6, 6, 3, 6, 5, 5}));
  EXPECT_EQ(cache.bytes(), images * value_size);
}

TEST(PrefixCache, KeepsInputsWhereTheyAreNotInMemory) {
  for (const bool inputs : {true, false}) {
    std::atomic<int> made = 0;
    PrefixCache cache(random_images(&made), {.inputs = inputs});
    layers_run(cache, random_images(), {chain(), with_change(chain(), 0), with_change(chain(), 0, 2)});
    EXPECT_EQ(made, (inputs ? 2 : 3) * images);
    layers_run(cache, random_images(), {chain(), with_change(chain(), 5)});
    made = 0;
    EXPECT_EQ(layers_run(cache, random_images(), {with_change(chain(), 5, 2)}), Counts{1});
    EXPECT_EQ(made, 0);  // behind a kept value no image is wanted
  }
}

// A branch beside the change: values that are computed before a cut and read behind it are kept together.
TEST(PrefixCache, KeepsAllValuesOfACut) {
  const auto network = [](int change) {
    test::TinyNetwork tiny({4, 4, 4});
    Tensor weight({4, 4, 3, 3}, 0.05f);
    tiny.conv("one", weight);
    const ValueId skip = tiny.graph.output;
    tiny.conv("two", weight);
    weight.data[0] += static_cast<float>(change) / 16;
    tiny.conv("three", weight);
    Node node{};
    node.op = Op::add;
    node.name = "add";
    node.inputs = {tiny.graph.output, skip};
    node.output = tiny.graph.output = tiny.graph.add_value("sum", {4, 4, 4});
    tiny.graph.nodes.push_back(node);
    return float_model(tiny.graph);
  };
  PrefixCache cache(random_images());
  for (const int change : {0, 1, 2, 3})
    expect_same(cache.evaluate(network(change), {.threads = 3}), evaluate(network(change), random_images(), {}));
  EXPECT_EQ(cache.work().run, images * layer_macs * (3 + 3 + 1 + 1));
  EXPECT_EQ(cache.work().whole, images * layer_macs * 12);
}

TEST(PrefixCache, ImagesOfAnotherSetAreNotMistaken) {
  PrefixCache one(random_images()), other(random_images(nullptr, 1));
  layers_run(one, random_images(), {chain(), chain()});
  EXPECT_EQ(layers_run(other, random_images(nullptr, 1), {chain(), chain(), chain()}), (Counts{6, 6, 0}));
  EXPECT_NE(one.evaluate(chain(), {}).scores, other.evaluate(chain(), {}).scores);
}

// images_per_second is about whole forward passes or about nothing.
TEST(PrefixCache, TimesWholePassesAlone) {
  std::atomic<int> made = 0;
  PrefixCache cache(random_images(&made), {.inputs = false});
  EXPECT_EQ(cache.evaluate(chain(), {}).untimed, 0);
  EXPECT_EQ(cache.evaluate(chain(), {}).untimed, 0);  // nothing was kept before
  made = 0;
  const PrefixCache::Work before = cache.work();
  const Evaluation timed = cache.evaluate(chain(), {}, 5);
  EXPECT_EQ(made, 5);
  EXPECT_EQ(timed.untimed, images - 5);
  EXPECT_EQ(cache.work().run - before.run, 5 * layer_macs * static_cast<std::int64_t>(layers));
  EXPECT_GT(timed.seconds, 0);
  EXPECT_NEAR(timed.images_per_second() * timed.seconds, 5, 1e-6);
  expect_same(timed, evaluate(chain(), random_images(), {}));
  const Evaluation untimed = cache.evaluate(chain(), {});
  EXPECT_EQ(untimed.untimed, images);
  EXPECT_EQ(untimed.images_per_second(), 0);
  expect_same(cache.evaluate(with_change(chain(), 4), {}, 5), evaluate(with_change(chain(), 4), random_images(), {}));
  PrefixCache none(random_images(), {.budget = 0});
  EXPECT_EQ(none.evaluate(chain(), {}, 5).untimed, 0);
}

// Half an evaluation leaves nothing that a later one could take for a whole one.
TEST(PrefixCache, AnEvaluationThatThrowsLeavesNothingBehind) {
  std::atomic<bool> broken = false;
  ImageSet set = random_images();
  const auto image = set.image;
  set.image = [&](std::int64_t index, std::span<float> out) {
    if (broken && index == images / 2) fail("image {} is damaged", index);
    image(index, out);
  };
  PrefixCache cache(set);
  cache.evaluate(chain(), {});
  broken = true;
  EXPECT_THROW(cache.evaluate(chain(), {.threads = 3}), Error);
  EXPECT_EQ(cache.bytes(), 0);
  broken = false;
  EXPECT_EQ(layers_run(cache, random_images(), {chain(), chain()}), (Counts{6, 0}));
}

TEST(PrefixCache, PlainExecutorToo) {
  PrefixCache cache(random_images());
  for (const QuantizedModel& model : search_models())
    expect_same(cache.evaluate(model, {.reference = true}), evaluate(model, random_images(), {}));
  EXPECT_GT(cache.work().saved_percent(), 30);
}

}  // namespace
}  // namespace bitsieve
