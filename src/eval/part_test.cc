#include "eval/part.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "base/error.h"

namespace bitsieve {
namespace {

std::string message(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

Evaluation random_evaluation(const std::vector<int>& labels, std::mt19937& random) {
  Evaluation e;
  e.labels = labels;
  for (const int label : labels) {
    e.places.push_back(label < 0 ? -1 : static_cast<int>(random() % 8));
    e.predicted.push_back(e.places.back() == 0 ? label : (label + 1 + static_cast<int>(random() % 8)) % 10);
  }
  e.seconds = 0.1 * static_cast<double>(random() % 50);
  tally(e);
  return e;
}

EvaluationPart whole_of(std::size_t images) {
  std::mt19937 random(7);
  EvaluationPart part;
  part.model_hash = "m";
  part.reference_hash = "r";
  part.preprocessing = "[input]\n";
  part.model = "a.bsv";
  part.reference = "a.onnx";
  part.data = "npy:x.npy,y.npy";
  part.selection = "s";
  part.seed = UINT64_MAX;
  part.images = static_cast<std::int64_t>(images);
  std::vector<int> labels;
  for (std::size_t i = 0; i < images; ++i) {
    labels.push_back(static_cast<int>(random() % 10));
    Digest digest;
    for (std::uint8_t& byte : digest) byte = static_cast<std::uint8_t>(random());
    part.digests.push_back(digest);
    part.errors.push_back(
        {std::exp(static_cast<double>(random() % 100)) / 3, 1.0 / (1.0 + static_cast<double>(random()))});
  }
  part.result = random_evaluation(labels, random);
  part.before = random_evaluation(labels, random);
  part.layers = R"([{"name":"z","bits":4.5,"kernel":"k"},{"name":"a"}])";
  return part;
}

template <class T>
std::vector<T> cut(const std::vector<T>& all, std::int64_t first, std::int64_t last) {
  return {all.begin() + first, all.begin() + last};
}

Evaluation cut(const Evaluation& all, std::int64_t first, std::int64_t last) {
  Evaluation e;
  e.predicted = cut(all.predicted, first, last);
  e.labels = cut(all.labels, first, last);
  e.places = cut(all.places, first, last);
  e.seconds = all.seconds;
  tally(e);
  return e;
}

EvaluationPart shard_of(const EvaluationPart& whole, Shard shard) {
  const std::int64_t first = shard.first(whole.images), last = shard.last(whole.images);
  EvaluationPart part = whole;
  part.shard = shard;
  part.digests = cut(whole.digests, first, last);
  part.errors = cut(whole.errors, first, last);
  part.result = cut(whole.result, first, last);
  part.before = cut(*whole.before, first, last);
  return part;
}

TEST(Shard, CoversEveryImageOnceAndEvenly) {
  for (const std::int64_t images :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{7}, std::int64_t{50000}, std::int64_t{1} << 40}) {
    for (const std::int64_t count : {std::int64_t{1}, std::int64_t{3}, std::int64_t{8}, most_shards}) {
      const std::int64_t step = count > 100 ? count / 100 : 1;
      EXPECT_EQ((Shard{0, count}.first(images)), 0);
      EXPECT_EQ((Shard{count - 1, count}.last(images)), images);
      for (std::int64_t i = 0; i < count; i += step) {
        const Shard shard{i, count};
        const std::int64_t size = shard.last(images) - shard.first(images);
        EXPECT_GE(size, images / count);
        EXPECT_LE(size, images / count + 1);
      }
    }
  }
}

TEST(EvaluationPart, ShardsInAnyOrderAreTheWholeToTheBit) {
  for (const std::size_t images : {1u, 2u, 10u, 101u}) {
    const EvaluationPart whole = whole_of(images);
    for (const std::int64_t count : {1, 2, 3, 7, 150}) {
      std::vector<EvaluationPart> parts;
      std::vector<std::string> origins;
      for (std::int64_t i = 0; i < count; ++i) {  // through the file, last first
        parts.push_back(parse_part(write_part(shard_of(whole, {count - 1 - i, count})), "part"));
        origins.push_back(std::to_string(i));
      }
      const EvaluationPart merged = merge(parts, origins);
      EXPECT_EQ(write_part(merged), write_part(whole));
      EXPECT_EQ(merged.data_hash(), whole.data_hash());
      EXPECT_EQ(merged.result.correct, whole.result.correct);
      EXPECT_EQ(merged.result.correct5, whole.result.correct5);
      EXPECT_EQ(merged.before->correct, whole.before->correct);
      EXPECT_EQ(logit_sqnr_db(merged.errors), logit_sqnr_db(whole.errors));
      EXPECT_EQ(paired_drop(*merged.before, merged.result).ci95, paired_drop(*whole.before, whole.result).ci95);
    }
  }
}

TEST(EvaluationPart, TakesAsLongAsItsSlowestShard) {
  const EvaluationPart whole = whole_of(10);
  std::vector<EvaluationPart> parts{shard_of(whole, {0, 2}), shard_of(whole, {1, 2})};
  parts[0].result.seconds = 3;
  parts[1].result.seconds = 2;
  const std::vector<std::string> origins{"a", "b"};
  EXPECT_EQ(merge(parts, origins).result.seconds, 3);
}

TEST(EvaluationPart, SumsThatAreNoNumbersStayNone) {
  EvaluationPart part = whole_of(2);
  part.errors[0] = {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()};
  EXPECT_FALSE(std::isfinite(logit_sqnr_db(parse_part(write_part(part), "part").errors)));
}

TEST(EvaluationPart, ErrorsNameTheFiles) {
  const EvaluationPart whole = whole_of(10);
  const std::vector<EvaluationPart> three{shard_of(whole, {0, 3}), shard_of(whole, {1, 3}), shard_of(whole, {2, 3})};
  const std::vector<std::string> names{"a", "b", "c"};
  const auto said = [&](std::vector<EvaluationPart> parts) {
    return message([&] { merge(parts, {names.data(), parts.size()}); });
  };
  EXPECT_EQ(said({three[0], three[1], three[2]}), "no error");
  EXPECT_EQ(said({}), "there is no part of an evaluation to merge");
  EXPECT_EQ(said({three[0], three[2]}), "of 3 shards there are 2; missing: 1/3");
  EXPECT_EQ(said({three[0], three[1], three[1]}), "'b' and 'c' are both shard 1/3");
  const auto changed = [&](const std::function<void(EvaluationPart&)>& change) {
    std::vector<EvaluationPart> parts = three;
    change(parts[1]);
    return said(parts);
  };
  const std::string start = "'a' and 'b' are not of one evaluation: ";
  EXPECT_EQ(changed([](EvaluationPart& p) { p.model_hash = "x"; }), start + "another model");
  EXPECT_EQ(changed([](EvaluationPart& p) { p.reference_hash = "x"; }), start + "another reference");
  EXPECT_EQ(changed([](EvaluationPart& p) { p.preprocessing = ""; }), start + "another preprocessing");
  EXPECT_EQ(changed([](EvaluationPart& p) { p.selection = "other labels"; }), start + "other images");
  EXPECT_EQ(changed([](EvaluationPart& p) { p.seed = 1; }), start + "seed 18446744073709551615, seed 1");
  EXPECT_EQ(changed([](EvaluationPart& p) { p.images = 11; }), start + "10 images, 11 images");
  EXPECT_EQ(changed([](EvaluationPart& p) { p.shard.count = 4; }), start + "3 shards, 4 shards");
  EXPECT_EQ(changed([](EvaluationPart& p) { p.model = "elsewhere/a.bsv"; }), "no error");
}

TEST(EvaluationPart, FilesAreHostileUntilChecked) {
  const std::string good = write_part(whole_of(3));
  const auto said = [](const std::string& text) { return message([&] { parse_part(text, "p.json"); }); };
  const std::string start = "'p.json' is not a part of an evaluation that bitsieve can read: ";
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return said(text.replace(at, from.size(), to));
  };
  EXPECT_EQ(said(good), "no error");
  for (std::size_t i = 0; i + 2 < good.size(); i += 7)
    EXPECT_EQ(said(good.substr(0, i)), start + "no JSON, or cut off");
  EXPECT_EQ(said("[]"), start + "no JSON object");
  EXPECT_EQ(said("{\"format\":" + std::string(100000, '[')), start + "lists in lists, more than 8 deep");
  std::string keys = "{";
  for (int i = 0; i < 100; ++i) keys += fmt::format("\"{}\":1,", i);
  EXPECT_EQ(said(keys), start + "an object of more than 64 keys");
  EXPECT_EQ(with("-part\"", "-pert\""), start + "its 'format' is not bitsieve-evaluation-part");
  EXPECT_EQ(with("\"version\":1", "\"version\":2"), start + "its 'version' is not 1");
  EXPECT_EQ(with("\"version\":1", "\"version\":1.0"),
            start + "'version' must be a whole number from 0 to 9223372036854775807");
  EXPECT_EQ(with("a.onnx", "a\\n.onnx"), start + "'reference' holds a control character");
  EXPECT_EQ(with("a.onnx", "\\u001b[31m"), start + "'reference' holds a control character");
  EXPECT_EQ(with("\"images\":3", "\"images\":4"), start + "'digests' must be a list of 4 items, one an image");
  EXPECT_EQ(with("\"images\":3", "\"images\":18446744073709551615"),
            start + "'images' must be a whole number from 0 to 1099511627776");
  EXPECT_EQ(with("\"shard\":0", "\"shard\":1"), start + "'shard' must be a whole number from 0 to 0");
  EXPECT_EQ(with("\"shards\":1", "\"shards\":9000000"), start + "'shards' must be a whole number from 1 to 1048576");
  EXPECT_EQ(with("\"seed\":18446744073709551615", "\"seed\":-1"), start + "'seed' must be a whole number of 0 or more");
  EXPECT_EQ(with("\"signal\":[", "\"signal\":[1,"), start + "'signal' must be a list of 3 items, one an image");
  EXPECT_EQ(with("\"noise\":[", "\"noise\":[-"), start + "'noise' must hold numbers of 0 or more");
  EXPECT_EQ(with("\"layers\":[", "\"layers\":3,\"more\":["), start + "'layers' must be a list");
  EXPECT_EQ(with("\"before\"", "\"after\""), start + "it needs both 'reference_hash' and 'before', or neither");
  EXPECT_EQ(with("\"digests\":[\"", "\"digests\":[\"G"), start + "'digests' must hold 32 hexadecimal digits each");
  EvaluationPart wrong = whole_of(3);
  wrong.result.places[1] = wrong.result.predicted[1] == wrong.result.labels[1] ? 1 : 0;
  EXPECT_EQ(said(write_part(wrong)), start + "label, place and class of image 1 contradict each other");
}

}  // namespace
}  // namespace bitsieve
