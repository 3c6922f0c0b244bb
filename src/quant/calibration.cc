#include "quant/calibration.h"

#include <algorithm>

#include "base/error.h"
#include "base/files.h"

namespace bitsieve {
namespace {

void merge(ValueStatistics& into, const ValueStatistics& s) {
  into.min = into.images ? std::min(into.min, s.min) : s.min;
  into.max = into.images ? std::max(into.max, s.max) : s.max;
  into.sum_of_maxima += s.sum_of_maxima;
  into.sum_of_minima += s.sum_of_minima;
  into.images += s.images;
  into.elements += s.elements;
  into.zeros += s.zeros;
  into.pairs += s.pairs;
  into.pairs_both_zero += s.pairs_both_zero;
  into.pairs_one_zero += s.pairs_one_zero;
  into.histogram.merge(s.histogram);
}

void join(std::string& into, const std::string& more) {
  if (into != more) into += " + " + more;
}

// A file of 4 k values takes some 30 MB.
constexpr std::uint64_t max_file_bytes = std::uint64_t{256} << 20;

}  // namespace

void ValueStatistics::add_image(float image_min, float image_max) {
  min = images ? std::min(min, static_cast<double>(image_min)) : image_min;
  max = images ? std::max(max, static_cast<double>(image_max)) : image_max;
  sum_of_minima += image_min;
  sum_of_maxima += image_max;
  ++images;
}

Calibration load_calibration(const std::string& path) {
  return parse_calibration(read_file(path, max_file_bytes), path);
}

void save_calibration(const std::string& path, const Calibration& calibration) {
  write_file_atomically(path, to_json(calibration));
}

void merge(Calibration& into, const Calibration& more) {
  if (into == Calibration{}) {
    into = more;
    return;
  }
  if (into.model != more.model || into.model_hash != more.model_hash) {
    fail("cannot merge calibrations of two models, '{}' ({}) and '{}' ({})", into.model, into.model_hash, more.model,
         more.model_hash);
  }
  if (into.preprocessing != more.preprocessing) {
    fail("cannot merge calibrations of model '{}': their preprocessing differs", into.model);
  }
  const auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
  if (!std::equal(into.values.begin(), into.values.end(), more.values.begin(), more.values.end(), same_name)) {
    fail("cannot merge calibrations of model '{}': they hold different values", into.model);
  }
  for (auto& [name, statistics] : into.values) merge(statistics, more.values.at(name));
  join(into.data, more.data);
  join(into.data_hash, more.data_hash);
  into.images_wanted += more.images_wanted;
  into.images_done += more.images_done;
}

void require_model(const Calibration& calibration, const std::string& model_hash, const std::string& origin) {
  if (calibration.model_hash == model_hash) return;
  fail("the calibration '{}' belongs to another model ('{}', {}, not {}): calibrate this one with `bitsieve calibrate`",
       origin, calibration.model, calibration.model_hash, model_hash);
}

void require_same_pass(const Calibration& partial, const Calibration& wanted, const std::string& origin) {
  const auto check = [&](const auto& has, const auto& wants, const char* what) {
    if (has != wants) {
      fail("cannot resume the calibration '{}': its {} is '{}', not '{}'; delete it or choose another output", origin,
           what, has, wants);
    }
  };
  if (partial.preprocessing != wanted.preprocessing) {
    fail("cannot resume the calibration '{}': its preprocessing differs; delete it or choose another output", origin);
  }
  check(partial.model_hash, wanted.model_hash, "model");
  check(partial.data, wanted.data, "data");
  check(partial.data_hash, wanted.data_hash, "data hash");
  check(partial.seed, wanted.seed, "seed");
  check(partial.images_wanted, wanted.images_wanted, "number of images");
}

}  // namespace bitsieve
