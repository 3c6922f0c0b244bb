// A data set as a network's inputs: a seeded choice of images, preprocessed, in memory where they fit.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "eval/image_set.h"
#include "tensor/shape.h"

namespace bitsieve::cli {

class Images {
 public:
  // `count` images (0: all) of KIND:PATH[:SPLIT], a seeded choice when fewer than the set has, in the order of the set.
  // input: (C, H, W) or any shape that the items of an npy set have.
  Images(const std::string& spec, bool need_labels, const Preprocessing& preprocessing, const Shape& input,
         std::int64_t count, std::uint64_t seed);

  bool pictures() const { return !dataset_->is_float(); }  // which are preprocessed
  std::int64_t size() const { return static_cast<std::int64_t>(indices_.size()); }
  std::int64_t available() const { return dataset_->size(); }
  const std::string& spec() const { return spec_; }

  // Only images `first` to `last` - 1 of them from now on; a part of what was kept is not kept.
  void narrow(std::int64_t first, std::int64_t last);

  // Preprocesses every image into memory, if they need no more than two gigabytes, so that several passes are quick.
  void keep(int threads);
  bool kept() const { return !kept_.empty(); }

  // Valid as long as this object.
  ImageSet set() const;
  void load(std::int64_t index, std::span<float> out) const;

  // Pictures as in training: draw 0, 1, ... without end, from the whole set in a shuffled order, each draw augmented
  // anew (data/augment.h). Valid as long as this object; empty for a set of ready-made inputs.
  std::function<void(std::int64_t draw, std::span<float> out)> augmented() const;

  // data_hash of every result and calibration: what the files hold for the chosen images, in order, before any
  // preprocessing, and their labels (-1 where they are not read). Reads every image file, and decodes none.
  std::string hash() const;
  // Of every image, without its label; reads every image file.
  std::vector<Digest> digests() const;
  // What tells one choice of images from another without reading them: how many the set has, which of them these are,
  // and their labels.
  std::string selection() const;
  // The same for one image, as hash() has it.
  std::string hash(std::int64_t index) const;

 private:
  std::string spec_;
  std::unique_ptr<Dataset> dataset_;
  Preprocessing preprocessing_;
  Shape input_;
  std::vector<std::int64_t> indices_;
  std::uint64_t seed_;
  std::vector<std::vector<float>> kept_;
};

}  // namespace bitsieve::cli
