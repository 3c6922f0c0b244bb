// What machines whose time depends on values read of a layer.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "accel/layer.h"

namespace bitsieve::accel {

// Throws Error where the layer has no image's values, or no weights.
void require_values(const Layer& layer, const std::string& machine);

// Throws Error where the layer has no weights.
void require_weights(const Layer& layer, const std::string& machine);

// Whether no group of four weights of a filter, in K order, has more than two that are not zero. Throws Error where the
// layer has no weights.
bool two_of_four(const Layer& layer, const std::string& machine);

// Where in the input tap `tap` of output pixel `pixel` lies: row * columns + column, or -1 in the padding. Pixels go
// down columns first, as in DNNsim: which ones share a step decides how long it takes.
std::int64_t position_of(const Layer& layer, std::int64_t pixel, std::int64_t tap);
// Where pixels go along rows first, as in the network's values.
std::int64_t position_by_rows(const Layer& layer, std::int64_t pixel, std::int64_t tap);

// What the weights of an output pixel meet: [tap][channel of a group], in K order, with signs, 0 in the padding. The
// layer has to outlive it.
class Patch {
 public:
  explicit Patch(const Layer& layer);

  // pixel: by columns, as position_of counts, or by rows.
  void read(std::int64_t pixel, std::int64_t group, bool by_rows);
  // As read, before windows are cut.
  const std::vector<int>& before() const { return read_; }
  // What is multiplied. weights: the filter's, which decide where windows are cut behind the multiplexers of the 2:4
  // mode; not looked at otherwise.
  const std::vector<int>& behind(std::span<const std::int8_t> weights = {});

 private:
  const Layer& layer_;
  std::vector<int> read_, used_;
};

// Steps of a vector with a matrix (one pixel, one tap): each column of the machine works on a step of its own, one is
// given out a cycle, and to the column whose turn it is, once that is free (DNNsim). The cycle after the last one.
std::int64_t staggered(const std::vector<std::int64_t>& durations, std::int64_t columns);
// Of `steps` that all take the same.
std::int64_t staggered(std::int64_t steps, std::int64_t duration, std::int64_t columns);

}  // namespace bitsieve::accel
