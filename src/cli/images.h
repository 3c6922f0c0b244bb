// A data set as a network's inputs: a seeded choice of images, preprocessed, in memory where they fit.
#pragma once
#include <cstdint>
#include <memory>
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

  std::int64_t size() const { return static_cast<std::int64_t>(indices_.size()); }
  std::int64_t available() const { return dataset_->size(); }
  const std::string& spec() const { return spec_; }

  // Preprocesses every image into memory, if they need no more than two gigabytes, so that several passes are quick.
  void keep(int threads);

  // Valid as long as this object.
  ImageSet set() const;
  void load(std::int64_t index, std::span<float> out) const;

  // content_hash of the choice, the labels and the preprocessed pixels of the images read so far by load().
  std::string hash() const;
  // Cheap identity before anything was read: the spec, the choice, and the first and the last image.
  std::string key() const;

 private:
  std::string spec_;
  std::unique_ptr<Dataset> dataset_;
  Preprocessing preprocessing_;
  Shape input_;
  std::vector<std::int64_t> indices_;
  std::vector<std::vector<float>> kept_;
  mutable std::vector<Digest> digests_;  // by position; each written by the one thread that loads it
};

}  // namespace bitsieve::cli
