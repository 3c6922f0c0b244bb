// The file of a calibration. One line per value:
//   "conv1_out": {"min": 0.0, ..., "histogram": [[bucket, count, count, ...], ...]}
// where each run lists the counts of neighbouring buckets, none of them zero (quant/histogram.h has the buckets).
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "quant/calibration.h"

namespace bitsieve {
namespace {

using Json = nlohmann::json;                 // reading: keys in any order
using OrderedJson = nlohmann::ordered_json;  // writing: keys as listed here
constexpr std::string_view format_name = "bitsieve-calibration";
constexpr int format_version = 1;

struct CountField {
  const char* name;
  std::int64_t ValueStatistics::*member;
};
constexpr CountField count_fields[] = {
    {"images", &ValueStatistics::images},
    {"elements", &ValueStatistics::elements},
    {"zeros", &ValueStatistics::zeros},
    {"pairs", &ValueStatistics::pairs},
    {"pairs_both_zero", &ValueStatistics::pairs_both_zero},
    {"pairs_one_zero", &ValueStatistics::pairs_one_zero},
};
struct RealField {
  const char* name;
  double ValueStatistics::*member;
};
constexpr RealField real_fields[] = {
    {"min", &ValueStatistics::min},
    {"max", &ValueStatistics::max},
    {"sum_of_minima", &ValueStatistics::sum_of_minima},
    {"sum_of_maxima", &ValueStatistics::sum_of_maxima},
};
struct TextField {
  const char* name;
  std::string Calibration::*member;
};
constexpr TextField text_fields[] = {
    {"model", &Calibration::model},
    {"model_hash", &Calibration::model_hash},
    {"data", &Calibration::data},
    {"data_hash", &Calibration::data_hash},
    {"preprocessing", &Calibration::preprocessing},
};

OrderedJson histogram_runs(const Histogram& histogram) {
  OrderedJson runs = OrderedJson::array();
  const std::vector<std::int64_t> counts = histogram.dense();
  for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) {
    if (counts[bucket] == 0) continue;
    if (bucket == 0 || counts[bucket - 1] == 0) runs.push_back(OrderedJson::array({bucket}));
    runs.back().push_back(counts[bucket]);
  }
  return runs;
}

OrderedJson value_line(const ValueStatistics& s) {
  OrderedJson line = OrderedJson::object();
  for (const RealField& field : real_fields) line[field.name] = s.*field.member;
  for (const CountField& field : count_fields) line[field.name] = s.*field.member;
  line["histogram"] = histogram_runs(s.histogram);
  return line;
}

// A place in the file, with the words its errors need.
struct Reader {
  const std::string& origin;
  std::string where;  // "" or 'value "conv1_out": '

  template <class... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail("calibration '{}': {}{}", origin, where, fmt::format(format, std::forward<Args>(args)...));
  }

  const Json& field(const Json& object, const char* name) const {
    const auto found = object.find(name);
    if (found == object.end()) bad("'{}' is missing", name);
    return *found;
  }

  void only(const Json& object, std::size_t count) const {
    if (object.size() != count) bad("{} keys, {} are known; it is of another version", object.size(), count);
  }

  std::int64_t count(const Json& json, const char* name) const {
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() > std::uint64_t{1} << 53) {
      bad("'{}' must be a whole number from 0 to 2^53", name);
    }
    return json.get<std::int64_t>();
  }

  double real(const Json& json, const char* name) const {
    if (!json.is_number() || !std::isfinite(json.get<double>())) bad("'{}' must be a finite number", name);
    return json.get<double>();
  }

  std::string text(const Json& json, const char* name) const {
    if (!json.is_string()) bad("'{}' must be a string", name);
    return json.get<std::string>();
  }

  Histogram histogram(const Json& runs, std::int64_t elements) const {
    constexpr const char* name = "histogram";
    if (!runs.is_array()) bad("'histogram' must be a list of [bucket, count, count, ...]");
    Histogram result;
    std::int64_t next = 0, left = elements;
    for (const Json& run : runs) {
      if (!run.is_array() || run.size() < 2) bad("'histogram' must be a list of [bucket, count, count, ...]");
      std::int64_t bucket = count(run[0], name);
      if (bucket < next || bucket + static_cast<std::int64_t>(run.size()) - 1 > Histogram::buckets) {
        bad("'histogram': buckets must ascend and stay below {}", Histogram::buckets);
      }
      for (std::size_t i = 1; i < run.size(); ++i, ++bucket) {
        const std::int64_t n = count(run[i], name);
        const std::int64_t m = bucket % Histogram::magnitudes;
        if (n == 0 || m >= Histogram::finite_magnitudes || bucket == Histogram::magnitudes) {
          bad("'histogram': bucket {} cannot hold {} values", bucket, n);
        }
        if (n > left) bad("'histogram' counts more than {} elements", elements);
        left -= n;
        result.add(static_cast<int>(bucket), n);
      }
      next = bucket + 1;  // neighbours would have been one run
    }
    if (left != 0) bad("'histogram' counts {} of {} elements", elements - left, elements);
    return result;
  }

  void check(const ValueStatistics& s, std::int64_t images_done) const {
    if (s.images != images_done || s.images < 1) bad("'images' is {}, 'images_done' is {}", s.images, images_done);
    if (s.elements < s.images) bad("{} elements in {} images", s.elements, s.images);
    if (s.zeros > s.histogram.count(0)) bad("'zeros' is more than 'histogram' counts");
    if (s.pairs > s.elements / 2) bad("'pairs' is more than half of 'elements'");
    if (s.pairs_both_zero > s.pairs || s.pairs_one_zero > s.pairs - s.pairs_both_zero) {
      bad("'pairs_both_zero' and 'pairs_one_zero' are more than 'pairs'");
    }
    constexpr double largest = std::numeric_limits<float>::max();
    if (s.min > s.max || s.min < -largest || s.max > largest) bad("'min' and 'max' must be ascending float32 numbers");
    // The extremes must be where the histogram ends, or ranges would be chosen outside of it.
    const int low = Histogram::bucket_of(static_cast<float>(s.min)),
              high = Histogram::bucket_of(static_cast<float>(s.max));
    if (s.histogram.count(low) == 0 || s.histogram.count(high) == 0) bad("'min' or 'max' is not in 'histogram'");
    const double reach = std::max(std::abs(s.min), std::abs(s.max));
    for (const double mean : {s.mean_min(), s.mean_max()}) {
      if (mean < s.min - 1e-9 * reach || mean > s.max + 1e-9 * reach) bad("the sums do not fit 'min' and 'max'");
    }
    const std::vector<std::int64_t> magnitudes = s.histogram.by_magnitude(false);
    for (std::size_t m = magnitudes.size(); m-- > 0;) {
      if (magnitudes[m] == 0) continue;
      if (Histogram::edge(static_cast<int>(m)) > reach) bad("'histogram' reaches beyond 'min' and 'max'");
      break;
    }
  }

  ValueStatistics value(const Json& json, std::int64_t images_done) const {
    if (!json.is_object()) bad("it must be an object");
    only(json, std::size(real_fields) + std::size(count_fields) + 1);
    ValueStatistics s;
    for (const RealField& f : real_fields) s.*f.member = real(field(json, f.name), f.name);
    for (const CountField& f : count_fields) s.*f.member = count(field(json, f.name), f.name);
    s.histogram = histogram(field(json, "histogram"), s.elements);
    check(s, images_done);
    return s;
  }
};

Json parse_json(std::string_view text, const std::string& origin) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    std::string reason = error.what();
    std::replace_if(
        reason.begin(), reason.end(), [](unsigned char c) { return c < ' '; }, ' ');
    fail("calibration '{}' is not JSON: {}", origin, reason.substr(0, 200));
  }
}

}  // namespace

std::string to_json(const Calibration& c) {
  const auto dump = [](const OrderedJson& json) { return json.dump(-1, ' ', true); };
  try {
    std::string text = fmt::format("{{\n \"format\": \"{}\",\n \"version\": {},\n", format_name, format_version);
    for (const TextField& f : text_fields) text += fmt::format(" \"{}\": {},\n", f.name, dump(c.*f.member));
    text += fmt::format(" \"seed\": {},\n \"images_wanted\": {},\n \"images_done\": {},\n \"values\": {{", c.seed,
                        c.images_wanted, c.images_done);
    const char* separator = "\n";
    for (const auto& [name, statistics] : c.values) {
      text += fmt::format("{}  {}: {}", separator, dump(name), dump(value_line(statistics)));
      separator = ",\n";
    }
    return text + "\n }\n}\n";
  } catch (const Json::type_error&) {
    fail("the calibration of model '{}' cannot be written: a name in it is not UTF-8", c.model);
  }
}

Calibration parse_calibration(std::string_view json, const std::string& origin) {
  const Json root = parse_json(json, origin);
  Reader reader{origin, ""};
  if (!root.is_object() || root.value("format", Json()) != Json(format_name)) {
    fail("'{}' is not a calibration: \"format\": \"{}\" is missing; `bitsieve calibrate` writes one", origin,
         format_name);
  }
  if (reader.field(root, "version") != Json(format_version)) {
    reader.bad("this program reads version {}; calibrate again with `bitsieve calibrate`", format_version);
  }
  reader.only(root, std::size(text_fields) + 6);
  Calibration c;
  for (const TextField& f : text_fields) c.*f.member = reader.text(reader.field(root, f.name), f.name);
  const Json& seed = reader.field(root, "seed");
  if (!seed.is_number_unsigned()) reader.bad("'seed' must be a whole number from 0 to 2^64 - 1");
  c.seed = seed.get<std::uint64_t>();
  c.images_wanted = reader.count(reader.field(root, "images_wanted"), "images_wanted");
  c.images_done = reader.count(reader.field(root, "images_done"), "images_done");
  if (c.images_done > c.images_wanted) reader.bad("{} images done of {}", c.images_done, c.images_wanted);
  const Json& values = reader.field(root, "values");
  if (!values.is_object()) reader.bad("'values' must be an object");
  for (const auto& [name, value] : values.items()) {
    reader.where = fmt::format("value {}: ", Json(name).dump(-1, ' ', true));
    c.values[name] = reader.value(value, c.images_done);
  }
  return c;
}

}  // namespace bitsieve
