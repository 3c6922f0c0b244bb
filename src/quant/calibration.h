// What was seen of every activation of the float network on calibration images. Everything is per tensor and of a fixed
// size; every range rule (quant/range.h) works from it without another pass over the images.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "quant/histogram.h"

namespace bitsieve {

// Statistics of one value (per tensor), over all its elements in all images.
struct ValueStatistics {
  double min = 0, max = 0;   // over everything seen; always float32 numbers
  double sum_of_maxima = 0;  // sum over images of the per-image maximum; mean = SPARQ's max_mean (spec A.1)
  double sum_of_minima = 0;
  std::int64_t images = 0;
  std::int64_t elements = 0;
  std::int64_t zeros = 0;  // exactly 0 in float
  std::int64_t pairs = 0;  // adjacent channels (2j, 2j+1) of the same pixel
  std::int64_t pairs_both_zero = 0, pairs_one_zero = 0;
  Histogram histogram;  // of all elements, the zeros included

  double mean_max() const { return images ? sum_of_maxima / static_cast<double>(images) : 0; }
  double mean_min() const { return images ? sum_of_minima / static_cast<double>(images) : 0; }

  // One more image with these extremes: min, max, sums and images. The counts come from ValueObserver.
  void add_image(float image_min, float image_max);
  bool operator==(const ValueStatistics&) const = default;
};

// The statistics and what they were gathered from. The strings identify; nothing here reads them.
struct Calibration {
  std::string model;               // name of the model it belongs to
  std::string model_hash;          // hash of the model's file
  std::string data;                // KIND:PATH[:SPLIT] of the images
  std::string data_hash;           // of what the images' files hold
  std::string preprocessing;       // TOML text
  std::uint64_t seed = 0;          // of the choice of images
  std::int64_t images_wanted = 0;  // a partial calibration has images_done < images_wanted
  std::int64_t images_done = 0;
  std::map<std::string, ValueStatistics> values;  // by value name

  bool complete() const { return images_done >= images_wanted; }
  bool operator==(const Calibration&) const = default;
};

// JSON, the same bytes for the same statistics: keys in a fixed order, numbers that read back equal to the last bit.
// Throws Error for a name that is not UTF-8.
std::string to_json(const Calibration& calibration);

// Checks every type, range and sum. Throws Error naming `origin` (a file) and the field.
Calibration parse_calibration(std::string_view json, const std::string& origin);

Calibration load_calibration(const std::string& path);
// All or nothing (base/files.h).
void save_calibration(const std::string& path, const Calibration& calibration);

// Adds the statistics of `more`, read from `origin` and gathered from other images. Throws Error when model,
// preprocessing or values differ, and when a data_hash of `more` is among those of `into`: its images would count
// twice. An empty `into` becomes `more`. Data of different origin is named "A + B".
void merge(Calibration& into, const Calibration& more, const std::string& origin);

// Each throws Error saying what to do about the calibration read from `origin`:
// when it was made from a model with another hash,
void require_model(const Calibration& calibration, const std::string& model_hash, const std::string& origin,
                   std::string_view advice = "calibrate this one with `bitsieve calibrate`");
// with other preprocessing (TOML text),
void require_preprocessing(const Calibration& calibration, const std::string& preprocessing, const std::string& origin);
// or from a part of its images only.
void require_complete(const Calibration& calibration, const std::string& origin);

// How the pass of `has` differs from `wanted` in model, preprocessing, data, number of images or seed, in words that
// follow "was made": "from other images". Empty when it is the same pass, complete or not.
std::string pass_difference(const Calibration& has, const Calibration& wanted);

}  // namespace bitsieve
