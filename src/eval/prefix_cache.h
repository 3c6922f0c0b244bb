// Evaluations of many models on the same images, in which layers that several models share are computed once.
//
// Recipes for one network, above all those of a search that changes one layer at a time, give models that start with
// the same layers. What these compute on every image is kept, as coded, and a model that shares them runs only the
// layers behind.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/hash.h"
#include "eval/accuracy.h"

namespace bitsieve {

struct PrefixCacheOptions {
  // A quarter of the memory that this process may use, two gigabytes at most.
  static std::int64_t default_budget();

  std::int64_t budget = default_budget();  // bytes of kept values at most; 0: every model runs from its first layer
  bool inputs = true;  // keep the coded images too; false where the image set has them in memory already
};

// What is recognized: two values are the same where their digests are (quant/value_digests.h); nothing else about the
// models matters, not even that they come from one graph.
//
// What is kept: only what a second model shares with an earlier one, because most recipes differ from all others early
// on, and keeping costs time. A cut of the graph is a place between two nodes; its values are those that are computed
// before it and read behind it. Among the cuts whose values were all computed for an earlier model, the one behind the
// most multiply-adds that still had to be run is kept, and three more that spread evenly over these multiply-adds: in
// each quarter the cut with the fewest bytes. A search that changes one layer after the other so finds the values right
// before the layer it changes, and some on the way for changes further ahead. The inputs count as a cut of their own.
//
// What goes: the values that were not read for the longest time, to make room for the inputs and for the last cut; the
// three others take only room that is left. A cut that does not fit for all images gives way to the next one before it.
class PrefixCache {
 public:
  // All models see these images, which must stay the same; what `images` refers to must outlive this object.
  explicit PrefixCache(ImageSet images, const PrefixCacheOptions& options = {});

  // What bitsieve::evaluate gives, by the fast executor or the plain one (whose values are the same bits), to the last
  // bit, but for `seconds`: images_per_second stays that of whole forward passes. Where nothing is known, these are
  // all; else the first `timed` images are run from the image to the scores all the same, and 0 of them give 0. An
  // evaluation that throws leaves nothing behind. Not for several threads at once.
  Evaluation evaluate(const QuantizedModel& model, const EvaluateOptions& options, std::int64_t timed = 0);

  // Multiply-adds of all evaluations so far.
  struct Work {
    std::int64_t run = 0, whole = 0;  // as they were run; every model run from its first layer
    double saved_percent() const {
      return whole ? 100 * (1 - static_cast<double>(run) / static_cast<double>(whole)) : 0;
    }
  };
  const Work& work() const { return work_; }

  std::int64_t bytes() const { return bytes_; }  // of kept values

 private:
  // One value of every image.
  struct Kept {
    std::unique_ptr<std::uint8_t[]> data;
    std::size_t bytes = 0;  // of one image
    std::int64_t used = 0;  // the last evaluation that read it, or made it
  };
  struct Model;

  void choose(const Model& model, std::vector<ValueId>& chosen);
  bool make_room(std::int64_t bytes);

  ImageSet images_;
  PrefixCacheOptions options_;
  std::map<Digest, Kept> kept_;
  std::set<Digest> computed_;  // for any model so far
  std::int64_t bytes_ = 0, evaluations_ = 0;
  Work work_;
};

}  // namespace bitsieve
