// An evaluation image by image: what each of several processes or machines finds on its shard of a data set, and how
// these become the whole again, to the last bit of every figure.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "eval/accuracy.h"

namespace bitsieve {

// Shard `index` of `count`: neighbouring images, as many as in the other shards or one more or less.
struct Shard {
  std::int64_t index = 0, count = 1;

  std::int64_t first(std::int64_t images) const { return images / count * index + images % count * index / count; }
  std::int64_t last(std::int64_t images) const { return Shard{index + 1, count}.first(images); }
  bool operator==(const Shard&) const = default;
};

inline constexpr std::int64_t most_shards = 1 << 20;

// data_hash of every result and calibration: what images hold (data/dataset.h), in order, and their labels, -1 for
// none; one label for each image.
std::string data_hash(std::span<const Digest> digests, std::span<const int> labels);

struct EvaluationPart {
  // What all parts of one evaluation have in common.
  std::string model_hash, preprocessing;  // content_hash of the file; TOML
  std::string reference_hash;             // of the model to compare with; empty: none
  std::string reference_preprocessing;    // its own
  std::string selection;                  // which images of which set, of all shards: see cli/images.h
  std::uint64_t seed = 0;                 // of the choice of images
  std::int64_t images = 0;                // of the whole evaluation

  // Where they were on the machine of this part; whole: on that of the first.
  std::string model, reference, data;

  Shard shard;
  std::vector<Digest> digests;       // of every image of the shard (data/dataset.h), in order; so are all that follow
  Evaluation result;                 // without scores
  std::optional<Evaluation> before;  // of the reference; without scores
  std::vector<ScoreError> errors;    // from the reference's scores; none without it
  std::string layers = "[]";         // the model's layers as a JSON array

  // Of a shard: of its own images.
  std::string data_hash() const { return bitsieve::data_hash(digests, result.labels); }
};

// The file of a part: one JSON document, at most four gigabytes. parse_part(write_part(p)) gives p again.
std::string write_part(const EvaluationPart& part);
// Throws Error, naming `origin`, where the text is no such file or contradicts itself.
EvaluationPart parse_part(std::string_view json, const std::string& origin);

// All shards of one evaluation, in any order, as one part that holds every image; it is what an evaluation of all
// images by one process gives, but for `seconds`, which are those of the slowest shard. Throws Error, naming `origins`
// (one for each part), when shards are missing, doubled or of different evaluations.
EvaluationPart merge(std::span<const EvaluationPart> parts, std::span<const std::string> origins);

}  // namespace bitsieve
