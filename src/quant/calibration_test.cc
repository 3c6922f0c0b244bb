#include "quant/calibration.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "quant/observer.h"

namespace bitsieve {
namespace {

using Json = nlohmann::json;

// Statistics of `images` images of noise, some of it zero.
ValueStatistics noise(unsigned seed, int images, float size) {
  std::mt19937 random(seed);
  ValueObserver observer;
  ValueStatistics s;
  for (int i = 0; i < images; ++i) {
    std::vector<float> x(60);
    for (float& v : x) v = random() % 3 == 0 ? 0 : std::normal_distribution<float>(0, size)(random);
    observer.look(x.data(), 60, 5);
    observer.add_counts(s);
    s.add_image(observer.min(), observer.max());
  }
  return s;
}

Calibration example(unsigned seed = 1, int images = 3) {
  Calibration c;
  c.model = "net";
  c.model_hash = "00ff";
  c.data = "cifar10:some \"path\"\n";
  c.data_hash = "12ab";
  c.preprocessing = "[input]\nscale = 0.1\n";
  c.seed = std::numeric_limits<std::uint64_t>::max();
  c.images_wanted = images + 2;
  c.images_done = images;
  c.values["input"] = noise(seed, images, 1.0f / 3);
  c.values["layer/1:0"] = noise(seed + 100, images, 1e-30f);
  c.values["Größe"] = noise(seed + 200, images, 1e30f);
  return c;
}

std::string message(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Calibration, JsonReadsBackEqualAndIsTheSameAgain) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Calibration c = example(seed);
    const std::string json = to_json(c);
    const Calibration back = parse_calibration(json, "x.json");
    EXPECT_EQ(back, c);
    EXPECT_EQ(to_json(back), json);
  }
  EXPECT_EQ(parse_calibration(to_json({}), "x"), Calibration{});
}

TEST(Calibration, SumsSurviveToTheLastBit) {
  Calibration c = example();
  ValueStatistics& s = c.values["input"];
  s.sum_of_maxima = std::nextafter(s.sum_of_maxima, INFINITY);
  const Calibration back = parse_calibration(to_json(c), "x.json");
  EXPECT_EQ(back.values.at("input").sum_of_maxima, s.sum_of_maxima);
  EXPECT_NE(back, example());
}

TEST(Calibration, FileHoldsOneLineAValue) {
  const std::string json = to_json(example());
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 12 + 3 + 2);
  EXPECT_NE(json.find("\n  \"layer/1:0\": {\"min\":"), std::string::npos);
}

TEST(Calibration, SavesAndLoads) {
  const std::string path = testing::TempDir() + "calibration_test_" + std::to_string(::getpid()) + ".json";
  save_calibration(path, example());
  EXPECT_EQ(load_calibration(path), example());
  std::filesystem::remove(path);
  EXPECT_NE(message([&] { load_calibration(path); }).find("cannot read"), std::string::npos);
}

TEST(Calibration, RefusesNamesThatAreNotUtf8) {
  Calibration c = example();
  c.values["\xff"] = c.values["input"];
  EXPECT_NE(message([&] { to_json(c); }).find("UTF-8"), std::string::npos);
}

// A correct file with one thing changed.
std::string refused(const std::function<void(Json&)>& change) {
  Json json = Json::parse(to_json(example()));
  change(json);
  const std::string text = message([&] { parse_calibration(json.dump(), "dir/x.json"); });
  EXPECT_NE(text.find("'dir/x.json'"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  return text;
}

TEST(Calibration, RefusesDamagedFiles) {
  const auto field = [](const std::string& name, const Json& value) {
    return refused([&](Json& json) { json["values"]["input"][name] = value; });
  };
  for (const char* name : {"images", "elements", "zeros", "pairs", "pairs_both_zero", "pairs_one_zero"}) {
    for (const Json& value :
         {Json(-1), Json(1.5), Json("3"), Json(), Json(true), Json(std::numeric_limits<std::uint64_t>::max()),
          Json(std::int64_t{1} << 53), Json::array()}) {
      EXPECT_NE(field(name, value).find("value \"input\": "), std::string::npos) << name << value;
    }
  }
  for (const char* name : {"min", "max", "sum_of_minima", "sum_of_maxima"}) {
    for (const Json& value : {Json("1"), Json(), Json(1e39), Json(-1e39)}) {
      EXPECT_NE(field(name, value).find("value \"input\": "), std::string::npos) << name << value;
    }
  }
  for (const char* runs :
       {"1", "[]", "[1]", "[[0]]", "[[0, 180, 1]]", "[[0, 181]]", "[[-1, 180]]", "[[16383, 90, 90]]", "[[0, 0, 180]]",
        "[[0, -5, 185]]", "[[0, 1.5]]", "[[9, 90], [8, 90]]", "[[9, 90], [10, 90]]", "[[8192, 180]]", "[[8160, 180]]",
        "[[\"0\", 180]]", "[[0, 180]]", "[[99999999999999, 180]]"}) {
    EXPECT_NE(field("histogram", Json::parse(runs)).find("value \"input\": "), std::string::npos) << runs;
  }
  EXPECT_NE(refused([](Json& j) { j["values"]["input"].erase("min"); }).find("keys"), std::string::npos);
  EXPECT_NE(refused([](Json& j) { j["values"]["input"]["more"] = 1; }).find("keys"), std::string::npos);
  EXPECT_NE(refused([](Json& j) { j["values"]["input"] = 3; }).find("object"), std::string::npos);
  EXPECT_NE(refused([](Json& j) { j["values"] = Json::array(); }).find("'values'"), std::string::npos);
  EXPECT_NE(refused([](Json& j) { j["version"] = 2; }).find("calibrate again"), std::string::npos);
  EXPECT_NE(refused([](Json& j) { j["format"] = "other"; }).find("not a calibration"), std::string::npos);
  EXPECT_NE(refused([](Json& j) { j = Json::array(); }).find("not a calibration"), std::string::npos);
  EXPECT_NE(refused([](Json& j) { j["model"] = 3; }).find("'model' must be a string"), std::string::npos);
  EXPECT_NE(refused([](Json& j) { j["seed"] = -1; }).find("'seed'"), std::string::npos);
  EXPECT_NE(refused([](Json& j) { j["images_done"] = 6; }).find("6 images done of 5"), std::string::npos);
  EXPECT_NE(refused([](Json& j) { j["images_done"] = 2; }).find("'images' is 3"), std::string::npos);
  // A value's name is printed escaped.
  refused([](Json& j) { j["values"]["line\nend"] = 3; });
}

TEST(Calibration, RefusesEveryTruncation) {
  const std::string json = to_json(example());
  for (std::size_t n = 0; n + 2 < json.size(); n += 7) {
    const std::string text = message([&] { parse_calibration(std::string_view(json).substr(0, n), "x.json"); });
    EXPECT_NE(text.find("not JSON"), std::string::npos) << n;
    EXPECT_EQ(text.find('\n'), std::string::npos);
  }
  EXPECT_NE(message([] { parse_calibration(std::string(1 << 20, '['), "x"); }).find("not JSON"), std::string::npos);
}

// Whatever is accepted is consistent: it can be written and read again.
TEST(Calibration, ChangedBytesAreRefusedOrConsistent) {
  const std::string json = to_json(example());
  std::mt19937 random(4);
  int accepted = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string changed = json;
    changed[random() % changed.size()] = "0123456789-.,[]{}\"e n"[random() % 21];
    Calibration c;
    try {
      c = parse_calibration(changed, "x");
    } catch (const Error&) {
      continue;
    }
    ++accepted;
    EXPECT_EQ(parse_calibration(to_json(c), "y"), c);
  }
  EXPECT_GT(accepted, 0);
}

TEST(Calibration, MergeEqualsOnePass) {
  Calibration a = example(1, 4);
  Calibration b = example(1, 2);
  b.data_hash = "77";
  // The first two images of `a` are those of `b`: noise() draws in order.
  ValueStatistics twice = a.values["input"];
  merge(a, b, "b.json");
  const ValueStatistics& s = a.values["input"];
  EXPECT_EQ(s.images, 6);
  EXPECT_EQ(s.elements, 360);
  EXPECT_EQ(s.min, twice.min);
  EXPECT_EQ(s.max, twice.max);
  EXPECT_EQ(s.zeros, twice.zeros + b.values["input"].zeros);
  EXPECT_EQ(s.histogram.total(), 360);
  EXPECT_EQ(s.sum_of_maxima, twice.sum_of_maxima + b.values["input"].sum_of_maxima);
  EXPECT_EQ(a.images_done, 6);
  EXPECT_EQ(a.images_wanted, 10);
  EXPECT_EQ(a.data, example().data);
  EXPECT_EQ(parse_calibration(to_json(a), "x"), a);
}

TEST(Calibration, MergeNamesBothSourcesAndTakesTheFirstWhole) {
  Calibration a, b = example(2);
  merge(a, example(1), "a.json");
  EXPECT_EQ(a, example(1));
  b.data = "other";
  b.data_hash = "77";
  merge(a, b, "b.json");
  EXPECT_EQ(a.data, example().data + " + other");
  EXPECT_EQ(a.data_hash, "12ab + 77");
  // Neither part can come in again, alone or with others.
  for (const char* hash : {"12ab", "77", "34 + 77"}) {
    b.data_hash = hash;
    EXPECT_EQ(message([&] { merge(a, b, "c.json"); }), std::string("cannot merge 'c.json': its images ('other', ") +
                                                           (b.data_hash == "12ab" ? "12ab" : "77") +
                                                           ") are in the others already and would count twice");
  }
  EXPECT_EQ(a.images_done, 6);
}

TEST(Calibration, MergeRefusesWhatDoesNotBelongTogether) {
  const auto refused_merge = [](const std::function<void(Calibration&)>& change) {
    Calibration a = example(), b = example(2);
    b.data_hash = "77";
    change(b);
    const std::string text = message([&] { merge(a, b, "b.json"); });
    EXPECT_EQ(a, example()) << "nothing may be half merged";
    return text;
  };
  EXPECT_NE(
      refused_merge([](Calibration& c) { c.model_hash = "1"; }).find("'b.json' into a calibration of another model"),
      std::string::npos);
  EXPECT_NE(
      refused_merge([](Calibration& c) { c.preprocessing = ""; }).find("no [input], not [input] in the preprocessing"),
      std::string::npos);
  EXPECT_NE(refused_merge([](Calibration& c) { c.values.erase("input"); }).find("other values"), std::string::npos);
}

TEST(Calibration, BelongsToOneModelAndOnePass) {
  const Calibration c = example();
  require_model(c, "00ff", "x.json");
  const std::string other = message([&] { require_model(c, "beef", "x.json"); });
  EXPECT_EQ(other,
            "the calibration 'x.json' belongs to another model ('net', 00ff, not beef): "
            "calibrate this one with `bitsieve calibrate`");
  EXPECT_NE(message([&] { require_model(c, "beef", "x.json", "delete it"); }).find("not beef): delete it"),
            std::string::npos);
  require_preprocessing(c, c.preprocessing, "x.json");
  EXPECT_EQ(message([&] { require_preprocessing(c, "[input]\nscale = 1\n", "x.json"); }),
            "the calibration 'x.json' was made with other preprocessing (scale = 0.1, not scale = 1): "
            "give the same --preprocess, or calibrate again");
  EXPECT_EQ(message([&] { require_complete(c, "x.json"); }),
            "'x.json' holds 3 of 5 images: finish the calibration first");
  EXPECT_EQ(pass_difference(c, c), "");
  const auto differs = [&](const std::function<void(Calibration&)>& change) {
    Calibration wanted = c;
    change(wanted);
    return pass_difference(c, wanted);
  };
  EXPECT_EQ(differs([](Calibration& w) { w.model_hash = "1"; }), "from another model ('net', 00ff)");
  EXPECT_EQ(differs([](Calibration& w) { w.data = "1"; }), "from '" + c.data + "', not '1'");
  EXPECT_EQ(differs([](Calibration& w) { w.data_hash = "1"; }), "from other images");
  EXPECT_EQ(differs([](Calibration& w) { w.seed = 1; }), "with seed 18446744073709551615, not 1");
  EXPECT_EQ(differs([](Calibration& w) { w.images_wanted = 1; }), "from 5 images, not 1");
  EXPECT_EQ(differs([](Calibration& w) { w.preprocessing = "[input]\n"; }),
            "with other preprocessing (scale = 0.1, not no scale)");
  EXPECT_EQ(differs([](Calibration& w) { w.preprocessing = "[input]\nsize = [1, 1]\nscale = 0.1\n"; }),
            "with other preprocessing (no size, not size = [1, 1])");
}

}  // namespace
}  // namespace bitsieve
