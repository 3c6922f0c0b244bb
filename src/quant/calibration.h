// What was seen of every activation of the float network on calibration images.
#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace bitsieve {

// Statistics of one value (per tensor), over all its elements in all images.
struct ValueStatistics {
  double min = 0, max = 0;      // over everything seen
  double sum_of_maxima = 0;     // sum over images of the per-image maximum; mean = SPARQ's max_mean (spec A.1)
  double sum_of_minima = 0;
  std::int64_t images = 0;
  std::int64_t elements = 0;
  std::int64_t zeros = 0;       // exactly 0 in float
  std::int64_t pairs = 0;       // adjacent channels (2j, 2j+1) of the same pixel
  std::int64_t pairs_both_zero = 0, pairs_one_zero = 0;

  double mean_max() const { return images ? sum_of_maxima / static_cast<double>(images) : 0; }
  double mean_min() const { return images ? sum_of_minima / static_cast<double>(images) : 0; }
};

struct Calibration {
  std::string model;                              // name of the model it belongs to
  std::map<std::string, ValueStatistics> values;  // by value name
};

}  // namespace bitsieve
