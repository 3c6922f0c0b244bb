#include "cli/images.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "data/augment.h"
#include "eval/part.h"

namespace bitsieve::cli {
namespace {

// A seeded choice of `count` of the indices below `size`, in random order. Fisher-Yates by hand: std::shuffle's result
// is not specified, and the same seed must give the same images everywhere.
std::vector<std::int64_t> shuffled(std::int64_t size, std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(size));
  std::iota(indices.begin(), indices.end(), 0);
  std::mt19937_64 random(seed);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto j = i + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(size - i));
    std::swap(indices[static_cast<std::size_t>(i)], indices[static_cast<std::size_t>(j)]);
  }
  indices.resize(static_cast<std::size_t>(count));
  return indices;
}

// The same choice, ascending; of 0, or of more than there are: all.
std::vector<std::int64_t> choose(std::int64_t size, std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> indices = shuffled(size, count <= 0 ? size : std::min(count, size), seed);
  std::sort(indices.begin(), indices.end());
  return indices;
}

}  // namespace

Images::Images(const std::string& spec, bool need_labels, const Preprocessing& preprocessing, const Shape& input,
               std::int64_t count, std::uint64_t seed)
    : spec_(spec),
      dataset_(open_dataset(spec, need_labels)),
      preprocessing_(preprocessing),
      input_(input),
      indices_(choose(dataset_->size(), count, seed)),
      seed_(seed) {
  if (dataset_->is_float()) return;
  if (input.size() != 3)
    fail("the network's input is {}, and '{}' holds pictures; give an npy set of float32", to_string(input), spec);
  if (input[0] != preprocessing.channel_count()) {
    fail(
        "the preprocessing gives {} channel{}; the network's input is {} (channels, height, width): set channels to {}",
        preprocessing.channel_count(), preprocessing.channel_count() == 1 ? "" : "s", to_string(input),
        input[0] == 1 ? "\"gray\"" : "\"RGB\" or \"BGR\"");
  }
  if (preprocessing.height != 0 && (preprocessing.height != input[1] || preprocessing.width != input[2])) {
    fail("the preprocessing gives pictures of {} x {}; the network's input is {} x {}: set size = [{}, {}]",
         preprocessing.height, preprocessing.width, input[1], input[2], input[1], input[2]);
  }
  preprocessing_.height = static_cast<int>(input[1]);
  preprocessing_.width = static_cast<int>(input[2]);
}

void Images::narrow(std::int64_t first, std::int64_t last) {
  kept_.clear();
  indices_ = {indices_.begin() + first, indices_.begin() + last};
}

void Images::keep(int threads) {
  const std::int64_t bytes = size() * element_count(input_) * static_cast<std::int64_t>(sizeof(float));
  if (!kept_.empty() || bytes > (std::int64_t{2} << 30)) return;
  std::vector<std::vector<float>> kept(indices_.size());
  parallel_for(size(), threads, [&](std::int64_t i, int) {
    auto& image = kept[static_cast<std::size_t>(i)];
    image.resize(static_cast<std::size_t>(element_count(input_)));
    load(i, image);
  });
  kept_ = std::move(kept);
}

void Images::load(std::int64_t index, std::span<float> out) const {
  const auto at = static_cast<std::size_t>(index);
  if (!kept_.empty()) {
    std::copy(kept_[at].begin(), kept_[at].end(), out.begin());
    return;
  }
  if (dataset_->is_float()) {
    const Tensor item = dataset_->floats(indices_[at]);
    if (item.shape != input_) {
      fail("'{}' holds items of {}; the network's input is {}", spec_, to_string(item.shape), to_string(input_));
    }
    const std::int64_t channels = input_.size() == 3 ? input_[0] : 1,
                       pixels = element_count(input_) / std::max<std::int64_t>(channels, 1);
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t p = 0; p < pixels; ++p)
        out[static_cast<std::size_t>(p * channels + c)] = item.data[static_cast<std::size_t>(c * pixels + p)];
    }
  } else {
    preprocess(dataset_->image(indices_[at]), preprocessing_, out.data());
  }
}

ImageSet Images::set() const {
  return {size(), [this](std::int64_t i, std::span<float> out) { load(i, out); },
          [this](std::int64_t i) { return dataset_->label(indices_[static_cast<std::size_t>(i)]); }};
}

std::function<void(std::int64_t, std::span<float>)> Images::augmented() const {
  if (dataset_->is_float()) return {};
  // A set in the order of its files often comes class by class, which no batch norm saw in training.
  return [this, order = shuffled(dataset_->size(), dataset_->size(), seed_)](std::int64_t draw, std::span<float> out) {
    const auto at = static_cast<std::size_t>(draw) % order.size();
    preprocess_augmented(dataset_->image(order[at]), preprocessing_, seed_, static_cast<std::uint64_t>(draw),
                         out.data());
  };
}

std::string Images::selection() const {
  ContentHash hash;
  const auto add = [&](std::int64_t item) { hash.update({reinterpret_cast<const char*>(&item), sizeof item}); };
  add(dataset_->size());
  for (const std::int64_t index : indices_) {
    add(index);
    add(dataset_->label(index));
  }
  return hash.hex();
}

std::vector<Digest> Images::digests() const {
  std::vector<Digest> digests;
  for (const std::int64_t index : indices_) digests.push_back(dataset_->digest(index));
  return digests;
}

std::string Images::hash(std::int64_t index) const {
  const auto digest = dataset_->digest(indices_.at(static_cast<std::size_t>(index)));
  ContentHash hash;
  hash.update({reinterpret_cast<const char*>(&digest), sizeof digest});
  return hash.hex();
}

std::string Images::hash() const {
  std::vector<int> labels;
  for (const std::int64_t index : indices_) labels.push_back(dataset_->label(index));
  return data_hash(digests(), labels);
}

}  // namespace bitsieve::cli
