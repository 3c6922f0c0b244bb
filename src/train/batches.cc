#include "train/batches.h"

#include <algorithm>

#include "base/error.h"
#include "base/random.h"
#include "data/augment.h"

namespace bitsieve::train {

BatchStream::BatchStream(const Dataset& data, const Preprocessing& preprocessing, const Shape& input,
                         const BatchOptions& options)
    : data_(data), preprocessing_(preprocessing), input_(input), options_(options) {
  if (input_.size() != 3) fail("training needs a network whose input is an image, (C, H, W)");
  const bool all = options.most_images <= 0 || options.most_images >= data.size();
  images_ = all ? data.size() : options.most_images;
  if (!data.is_float() && preprocessing.channel_count() != input_[0])
    fail("the preprocessing gives {} channels, the network's input has {}", preprocessing.channel_count(), input_[0]);
  if (!data.is_float() && preprocessing.height != 0 &&
      (preprocessing.height != input_[1] || preprocessing.width != input_[2]))
    fail("the preprocessing gives {} x {}, the network's input is {} x {}", preprocessing.height, preprocessing.width,
         input_[1], input_[2]);
  chosen_ = shuffled(data.size(), Random(options.seed, ~std::uint64_t{0}));
  chosen_.resize(static_cast<std::size_t>(images_));
  if (options.batch < 1 || images_ < options.batch)
    fail("{}: {} images make no batch of {}", data.description(), images_, options.batch);
  if (batches() < 1) fail("an epoch of {} images makes no batch of {}", options.epoch_images, options.batch);
  if (options.batch % options.parts != 0)
    fail("a batch of {} cannot be shared by {} processes: it has to be a multiple", options.batch, options.parts);
  for (int t = 0; t < std::max(1, options.threads); ++t) workers_.emplace_back([this] { work(); });
}

BatchStream::~BatchStream() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void BatchStream::read(std::int64_t item, std::int64_t epoch, float* hwc) const {
  const std::int64_t channels = input_[0], plane = input_[1] * input_[2];
  if (data_.is_float()) {
    const Tensor ready = data_.floats(item);
    if (ready.size() != channels * plane)
      fail("{}: item {} has another shape than the network's input", data_.description(), item);
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t p = 0; p < plane; ++p)
        hwc[p * channels + c] = ready.data[static_cast<std::size_t>(c * plane + p)];
    }
    return;
  }
  const Image image = data_.image(item);
  if (preprocessing_.height == 0 && (image.height != input_[1] || image.width != input_[2]))
    fail("{}: picture {} is {} x {}, the network's input {} x {}, and the preprocessing says no size",
         data_.description(), item, image.height, image.width, input_[1], input_[2]);
  if (epoch < 0) return preprocess(image, preprocessing_, hwc);
  const std::uint64_t seed = Random(options_.seed, static_cast<std::uint64_t>(item)).next();
  preprocess_augmented(image, preprocessing_, seed, static_cast<std::uint64_t>(epoch), hwc);
}

void BatchStream::plain(std::int64_t i, std::span<float> out) const {
  read(chosen_.at(static_cast<std::size_t>(i)), -1, out.data());
}

Batch BatchStream::prepare(std::int64_t position) const {
  const std::int64_t epoch = position / batches();
  // Epochs of a pass over the images, which has one order.
  const std::int64_t shares = images_ / (batches() * options_.batch);
  const std::vector<std::int64_t> order =
      shuffled(images_, Random(options_.seed, static_cast<std::uint64_t>(epoch / shares)));
  const std::int64_t first = (epoch % shares * batches() + position % batches()) * options_.batch, channels = input_[0],
                     plane = input_[1] * input_[2];
  Batch batch;
  const std::int64_t mine = options_.batch / options_.parts, skip = mine * options_.part;
  batch.images.resize(static_cast<std::size_t>(mine * channels * plane));
  std::vector<float> hwc(static_cast<std::size_t>(channels * plane));
  for (std::int64_t i = 0; i < mine; ++i) {
    const std::int64_t item = chosen_[static_cast<std::size_t>(order[static_cast<std::size_t>(first + skip + i)])];
    batch.labels.push_back(data_.label(item));
    read(item, options_.augment ? epoch : -1, hwc.data());
    float* const to = batch.images.data() + i * channels * plane;
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t p = 0; p < plane; ++p) to[c * plane + p] = hwc[static_cast<std::size_t>(p * channels + c)];
    }
  }
  return batch;
}

void BatchStream::work() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    std::int64_t position = wanted_;
    while (prepared_.count(position) != 0) ++position;
    if (position >= wanted_ + std::max(1, options_.ahead)) {
      changed_.wait(lock);
      continue;
    }
    prepared_[position];  // ours now
    lock.unlock();
    Prepared result;
    try {
      result.batch = prepare(position);
    } catch (...) {
      result.error = std::current_exception();
    }
    result.done = true;
    lock.lock();
    const auto place = prepared_.find(position);
    if (place != prepared_.end()) place->second = std::move(result);  // gone where training went on elsewhere
    changed_.notify_all();
  }
}

Batch BatchStream::take(std::int64_t epoch, std::int64_t batch) {
  std::unique_lock lock(mutex_);
  wanted_ = epoch * batches() + batch;
  // What will not be asked for is dropped; what a worker is busy with counts once it is done.
  std::erase_if(prepared_, [&](const auto& entry) {
    return entry.first < wanted_ || entry.first >= wanted_ + std::max(1, options_.ahead);
  });
  changed_.notify_all();
  changed_.wait(lock, [&] {
    const auto place = prepared_.find(wanted_);
    return place != prepared_.end() && place->second.done;
  });
  Prepared result = std::move(prepared_[wanted_]);
  prepared_.erase(wanted_);
  ++wanted_;
  changed_.notify_all();
  if (result.error) std::rethrow_exception(result.error);
  return std::move(result.batch);
}

}  // namespace bitsieve::train
