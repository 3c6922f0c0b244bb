#include "eval/part.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace bitsieve {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view format_name = "bitsieve-evaluation-part";
constexpr int format_version = 1;
constexpr int most_depth = 8;          // of lists in lists; a hostile file would fill the stack
constexpr std::size_t most_keys = 64;  // of an object: looking for one takes time in proportion
constexpr std::int64_t most_images = std::int64_t{1} << 40;

struct TextField {
  const char* name;
  std::string EvaluationPart::*member;
  const char* shared;  // what it is called where parts of one evaluation differ in it; null: they may
};
constexpr TextField text_fields[] = {
    {"model", &EvaluationPart::model, nullptr},
    {"model_hash", &EvaluationPart::model_hash, "another model"},
    {"preprocessing", &EvaluationPart::preprocessing, "another preprocessing"},
    {"reference", &EvaluationPart::reference, nullptr},
    {"reference_hash", &EvaluationPart::reference_hash, "another reference"},
    {"reference_preprocessing", &EvaluationPart::reference_preprocessing, "another preprocessing of the reference"},
    {"data", &EvaluationPart::data, nullptr},
    {"selection", &EvaluationPart::selection, "other images"},
};

Json number(double x) { return std::isfinite(x) ? Json(x) : Json(); }

Json evaluation_json(const Evaluation& e) {
  return {{"seconds", e.seconds}, {"predicted", e.predicted}, {"places", e.places}};
}

class Reader {
 public:
  explicit Reader(const std::string& origin) : origin_(origin) {}

  template <class... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail("'{}' is not a part of an evaluation that bitsieve can read: {}", origin_,
         fmt::format(format, std::forward<Args>(args)...));
  }

  Json document(std::string_view text) const {
    std::array<std::size_t, most_depth + 2> keys{};
    const auto modest = [&](int depth, Json::parse_event_t event, Json&) {
      if (depth > most_depth) bad("lists in lists, more than {} deep", most_depth);
      if (event == Json::parse_event_t::object_start) keys.at(static_cast<std::size_t>(depth) + 1) = 0;
      if (event == Json::parse_event_t::key && ++keys.at(static_cast<std::size_t>(depth)) > most_keys)
        bad("an object of more than {} keys", most_keys);
      return true;
    };
    try {
      Json json = Json::parse(text, modest);
      if (!json.is_object()) bad("no JSON object");
      return json;
    } catch (const nlohmann::json::exception&) {
      bad("no JSON, or cut off");
    }
  }

  const Json& field(const Json& object, const char* name) const {
    if (!object.is_object()) bad("an object with '{}' is missing", name);
    const auto found = object.find(name);
    if (found == object.end()) bad("'{}' is missing", name);
    return *found;
  }

  std::string text(const Json& object, const char* name) const {
    const Json& json = field(object, name);
    if (!json.is_string()) bad("'{}' must be a string", name);
    const auto text = json.get<std::string>();
    // It is printed; a preprocessing has lines.
    const bool clean =
        std::none_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; });
    if (!clean || (text.find('\n') != std::string::npos && !std::string_view(name).ends_with("preprocessing")))
      bad("'{}' holds a control character", name);
    return text;
  }

  static bool is_whole(const Json& json, std::int64_t least, std::int64_t most) {
    if (!json.is_number_integer()) return false;
    if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::uint64_t{INT64_MAX}) return false;
    return json.get<std::int64_t>() >= least && json.get<std::int64_t>() <= most;
  }

  std::int64_t whole(const Json& object, const char* name, std::int64_t least, std::int64_t most) const {
    const Json& json = field(object, name);
    if (!is_whole(json, least, most)) bad("'{}' must be a whole number from {} to {}", name, least, most);
    return json.get<std::int64_t>();
  }

  // One item for each image.
  const Json& column(const Json& object, const char* name, std::size_t images) const {
    const Json& json = field(object, name);
    if (!json.is_array() || json.size() != images) bad("'{}' must be a list of {} items, one an image", name, images);
    return json;
  }

  std::vector<int> classes(const Json& object, const char* name, std::size_t images, int least) const {
    std::vector<int> values;
    for (const Json& item : column(object, name, images)) {
      if (!is_whole(item, least, std::numeric_limits<int>::max())) {
        bad("'{}' must hold whole numbers of {} or more", name, least);
      }
      values.push_back(item.get<int>());
    }
    return values;
  }

  // Sums that are no finite numbers are written as null.
  double sum(const Json& item, const char* name) const {
    if (item.is_null()) return std::numeric_limits<double>::quiet_NaN();
    if (!item.is_number() || !(item.get<double>() >= 0)) bad("'{}' must hold numbers of 0 or more", name);
    return item.get<double>();
  }

  Digest digest(const Json& item) const {
    const auto value = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    Digest digest;
    const std::string hex = item.is_string() ? item.get<std::string>() : "";
    if (hex.size() != 2 * digest.size() || std::any_of(hex.begin(), hex.end(), [&](char c) { return value(c) < 0; })) {
      bad("'digests' must hold {} hexadecimal digits each", 2 * digest.size());
    }
    for (std::size_t i = 0; i < digest.size(); ++i)
      digest[i] = static_cast<std::uint8_t>(value(hex[2 * i]) * 16 + value(hex[2 * i + 1]));
    return digest;
  }

  Evaluation evaluation(const Json& json, const std::vector<int>& labels) const {
    Evaluation e;
    e.labels = labels;
    e.predicted = classes(json, "predicted", labels.size(), 0);
    e.places = classes(json, "places", labels.size(), -1);
    e.seconds = sum(field(json, "seconds"), "seconds");
    if (!std::isfinite(e.seconds)) bad("'seconds' must be a number");
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if ((labels[i] < 0) != (e.places[i] < 0) ||
          (labels[i] >= 0 && (e.predicted[i] == labels[i]) != (e.places[i] == 0))) {
        bad("label, place and class of image {} contradict each other", i);
      }
    }
    tally(e);
    return e;
  }

 private:
  const std::string& origin_;
};

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void append(Evaluation& to, const Evaluation& from) {
  append(to.predicted, from.predicted);
  append(to.labels, from.labels);
  append(to.places, from.places);
  to.seconds = std::max(to.seconds, from.seconds);
}

}  // namespace

std::string data_hash(std::span<const Digest> digests, std::span<const int> labels) {
  ContentHash hash;
  const auto add = [&](const auto& item) { hash.update({reinterpret_cast<const char*>(&item), sizeof item}); };
  for (std::size_t i = 0; i < digests.size(); ++i) {
    add(digests[i]);
    add(std::int64_t{labels[i]});
  }
  return hash.hex();
}

std::string write_part(const EvaluationPart& part) {
  Json json;
  json["format"] = format_name;
  json["version"] = format_version;
  for (const TextField& field : text_fields) json[field.name] = part.*field.member;
  json["seed"] = part.seed;
  json["images"] = part.images;
  json["shard"] = part.shard.index;
  json["shards"] = part.shard.count;
  Json digests = Json::array();
  for (const Digest& digest : part.digests) digests.push_back(to_hex(digest));
  json["digests"] = std::move(digests);
  json["labels"] = part.result.labels;
  json["result"] = evaluation_json(part.result);
  if (part.before) {
    json["before"] = evaluation_json(*part.before);
    Json signal = Json::array(), noise = Json::array();
    for (const ScoreError& error : part.errors) {
      signal.push_back(number(error.signal));
      noise.push_back(number(error.noise));
    }
    json["signal"] = std::move(signal);
    json["noise"] = std::move(noise);
  }
  json["layers"] = Json::parse(part.layers);
  // Paths are bytes to the system and need not be UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

EvaluationPart parse_part(std::string_view text, const std::string& origin) {
  const Reader read(origin);
  const Json json = read.document(text);
  if (read.text(json, "format") != format_name) read.bad("its 'format' is not {}", format_name);
  if (read.whole(json, "version", 0, INT64_MAX) != format_version) read.bad("its 'version' is not {}", format_version);
  EvaluationPart part;
  for (const TextField& field : text_fields) part.*field.member = read.text(json, field.name);
  if (const Json& seed = read.field(json, "seed"); seed.is_number_unsigned()) {
    part.seed = seed.get<std::uint64_t>();
  } else {
    read.bad("'seed' must be a whole number of 0 or more");
  }
  part.images = read.whole(json, "images", 0, most_images);
  part.shard.count = read.whole(json, "shards", 1, most_shards);
  part.shard.index = read.whole(json, "shard", 0, part.shard.count - 1);
  const auto size = static_cast<std::size_t>(part.shard.last(part.images) - part.shard.first(part.images));
  for (const Json& item : read.column(json, "digests", size)) part.digests.push_back(read.digest(item));
  part.result = read.evaluation(read.field(json, "result"), read.classes(json, "labels", size, -1));
  if (part.reference_hash.empty() == json.contains("before"))
    read.bad("it needs both 'reference_hash' and 'before', or neither");
  if (json.contains("before")) {
    part.before = read.evaluation(json["before"], part.result.labels);
    const Json &signal = read.column(json, "signal", size), &noise = read.column(json, "noise", size);
    for (std::size_t i = 0; i < size; ++i)
      part.errors.push_back({read.sum(signal[i], "signal"), read.sum(noise[i], "noise")});
  }
  const Json& layers = read.field(json, "layers");
  if (!layers.is_array()) read.bad("'layers' must be a list");
  part.layers = layers.dump();
  return part;
}

EvaluationPart merge(std::span<const EvaluationPart> parts, std::span<const std::string> origins) {
  if (parts.empty()) fail("there is no part of an evaluation to merge");
  const EvaluationPart& one = parts.front();
  std::vector<std::size_t> order(static_cast<std::size_t>(one.shard.count), parts.size());
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const EvaluationPart& part = parts[p];
    const auto differs = [&](const std::string& how) {
      fail("'{}' and '{}' are not of one evaluation: {}", origins[0], origins[p], how);
    };
    for (const TextField& field : text_fields)
      if (field.shared != nullptr && part.*field.member != one.*field.member) differs(field.shared);
    if (part.images != one.images) differs(fmt::format("{} images, {} images", one.images, part.images));
    if (part.seed != one.seed) differs(fmt::format("seed {}, seed {}", one.seed, part.seed));
    if (part.shard.count != one.shard.count)
      differs(fmt::format("{} shards, {} shards", one.shard.count, part.shard.count));
    std::size_t& place = order[static_cast<std::size_t>(part.shard.index)];
    if (place != parts.size())
      fail("'{}' and '{}' are both shard {}/{}", origins[place], origins[p], part.shard.index, part.shard.count);
    place = p;
  }
  std::string missing;
  for (std::size_t i = 0, named = 0; i < order.size(); ++i) {
    if (order[i] != parts.size()) continue;
    if (++named > 8) {
      missing += ", ...";
      break;
    }
    missing += fmt::format("{}{}/{}", missing.empty() ? "" : ", ", i, order.size());
  }
  if (!missing.empty()) fail("of {} shards there are {}; missing: {}", order.size(), parts.size(), missing);

  EvaluationPart whole = parts[order.front()];
  whole.shard = {};
  for (std::size_t i = 1; i < order.size(); ++i) {
    const EvaluationPart& part = parts[order[i]];
    append(whole.digests, part.digests);
    append(whole.result, part.result);
    if (part.before) append(*whole.before, *part.before);
    append(whole.errors, part.errors);
  }
  tally(whole.result);
  if (whole.before) tally(*whole.before);
  return whole;
}

}  // namespace bitsieve
