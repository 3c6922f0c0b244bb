#include "quant/calibration.h"

#include <algorithm>
#include <vector>

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

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  for (std::size_t at; (at = text.find(separator)) != std::string_view::npos;
       text.remove_prefix(at + separator.size())) {
    parts.emplace_back(text.substr(0, at));
  }
  parts.emplace_back(text);
  return parts;
}

// The first key whose line is not the same in both: "scale = 1, not scale = 2".
std::string toml_difference(const std::string& has, const std::string& wanted) {
  const std::vector<std::string> a = split(has, "\n"), b = split(wanted, "\n");
  const auto key = [](const std::string& line) { return line.substr(0, line.find(" = ")); };
  const auto same_key = [&](const std::vector<std::string>& lines, const std::string& line) {
    const auto found =
        std::find_if(lines.begin(), lines.end(), [&](const std::string& l) { return key(l) == key(line); });
    return found == lines.end() ? "no " + key(line) : *found;
  };
  for (const std::string& line : a) {
    if (const std::string other = same_key(b, line); other != line) return fmt::format("{}, not {}", line, other);
  }
  for (const std::string& line : b) {
    if (const std::string other = same_key(a, line); other != line) return fmt::format("{}, not {}", other, line);
  }
  return "another order of keys";
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

void merge(Calibration& into, const Calibration& more, const std::string& origin) {
  if (into == Calibration{}) {
    into = more;
    return;
  }
  if (into.model != more.model || into.model_hash != more.model_hash) {
    fail("cannot merge '{}' into a calibration of another model: '{}' ({}) and '{}' ({})", origin, more.model,
         more.model_hash, into.model, into.model_hash);
  }
  if (into.preprocessing != more.preprocessing) {
    fail("cannot merge '{}': it was made with {} in the preprocessing of the others", origin,
         toml_difference(more.preprocessing, into.preprocessing));
  }
  const auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
  if (!std::equal(into.values.begin(), into.values.end(), more.values.begin(), more.values.end(), same_name)) {
    fail("cannot merge '{}': it holds other values than the others of model '{}'", origin, into.model);
  }
  for (const std::string& hash : split(more.data_hash, " + ")) {
    const std::vector<std::string> known = split(into.data_hash, " + ");
    if (hash.empty() || std::find(known.begin(), known.end(), hash) == known.end()) continue;
    fail("cannot merge '{}': its images ('{}', {}) are in the others already and would count twice", origin, more.data,
         hash);
  }
  for (auto& [name, statistics] : into.values) merge(statistics, more.values.at(name));
  join(into.data, more.data);
  join(into.data_hash, more.data_hash);
  into.images_wanted += more.images_wanted;
  into.images_done += more.images_done;
}

void require_model(const Calibration& calibration, const std::string& model_hash, const std::string& origin,
                   std::string_view advice) {
  if (calibration.model_hash == model_hash) return;
  fail("the calibration '{}' belongs to another model ('{}', {}, not {}): {}", origin, calibration.model,
       calibration.model_hash, model_hash, advice);
}

void require_preprocessing(const Calibration& calibration, const std::string& preprocessing,
                           const std::string& origin) {
  if (calibration.preprocessing == preprocessing) return;
  fail("the calibration '{}' was made with other preprocessing ({}): give the same --preprocess, or calibrate again",
       origin, toml_difference(calibration.preprocessing, preprocessing));
}

void require_complete(const Calibration& calibration, const std::string& origin) {
  if (calibration.complete()) return;
  fail("'{}' holds {} of {} images: finish the calibration first", origin, calibration.images_done,
       calibration.images_wanted);
}

std::string pass_difference(const Calibration& has, const Calibration& wanted) {
  if (has.model_hash != wanted.model_hash)
    return fmt::format("from another model ('{}', {})", has.model, has.model_hash);
  if (has.preprocessing != wanted.preprocessing) {
    return fmt::format("with other preprocessing ({})", toml_difference(has.preprocessing, wanted.preprocessing));
  }
  if (has.data != wanted.data) return fmt::format("from '{}', not '{}'", has.data, wanted.data);
  if (has.images_wanted != wanted.images_wanted) {
    return fmt::format("from {} images, not {}", has.images_wanted, wanted.images_wanted);
  }
  if (has.seed != wanted.seed) return fmt::format("with seed {}, not {}", has.seed, wanted.seed);
  return has.data_hash != wanted.data_hash ? "from other images" : "";
}

}  // namespace bitsieve
