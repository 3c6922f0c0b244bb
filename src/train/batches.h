// Training images as a stream of batches: shuffled, augmented, prepared ahead. Free of torch.
#pragma once
#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "data/dataset.h"
#include "data/preprocess.h"
#include "tensor/shape.h"

namespace bitsieve::train {

struct BatchOptions {
  std::int64_t batch = 128;      // images; the last ones of an epoch that fill none are left to another epoch
  std::uint64_t seed = 1;        // of the order, which is another in every epoch, and of the augmentation
  bool augment = true;           // data/augment.h; false: as for evaluation
  std::int64_t most_images = 0;  // the first so many of a seeded choice; 0: all
  // Images of an epoch, where a pass over all of them is to be several: consecutive parts of one order; 0: all.
  std::int64_t epoch_images = 0;
  int part = 0, parts = 1;  // this process's part of every batch; parts divides batch
  int threads = 1;          // that prepare batches
  int ahead = 4;            // batches prepared before they are asked for
};

struct Batch {
  std::vector<float> images;         // [batch / parts][C][H][W]
  std::vector<std::int64_t> labels;  // [batch / parts]
};

// Batch b of epoch e is the same for any number of threads, and whatever was read before: training can go on anywhere.
class BatchStream {
 public:
  // Keeps a reference to `data`, which must have labels. input: (C, H, W). Throws Error when there are fewer images
  // than a batch has, and where they do not fit the input.
  BatchStream(const Dataset& data, const Preprocessing& preprocessing, const Shape& input, const BatchOptions& options);
  ~BatchStream();
  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  // Of an epoch.
  std::int64_t batches() const {
    return (options_.epoch_images > 0 ? std::min(options_.epoch_images, images_) : images_) / options_.batch;
  }
  std::int64_t images() const { return images_; }

  // Image i, 0 to images() - 1, channel-last, as for evaluation. Safe to call from several threads.
  void plain(std::int64_t i, std::span<float> out) const;

  // Waits until the batch is ready; after batch b of an epoch usually comes b + 1, which is being prepared. Throws what
  // reading it threw.
  Batch take(std::int64_t epoch, std::int64_t batch);

 private:
  Batch prepare(std::int64_t position) const;  // position: epoch * batches() + batch
  // Channel-last; augmented where `epoch` is not negative.
  void read(std::int64_t item, std::int64_t epoch, float* hwc) const;
  void work();

  const Dataset& data_;
  const Preprocessing preprocessing_;
  const Shape input_;
  const BatchOptions options_;
  std::vector<std::int64_t> chosen_;
  std::int64_t images_;

  struct Prepared {
    Batch batch;
    std::exception_ptr error;
    bool done = false;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, Prepared> prepared_;  // by position; being prepared where not done
  std::int64_t wanted_ = 0;                    // the position asked for, or to be asked for next
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace bitsieve::train
