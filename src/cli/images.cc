#include "cli/images.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "base/error.h"
#include "base/parallel.h"

namespace bitsieve::cli {
namespace {

// Indices of a seeded choice of `count` of `size`, ascending. Fisher-Yates by hand: std::shuffle's result is not
// specified, and the same seed must give the same images everywhere.
std::vector<std::int64_t> choose(std::int64_t size, std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(size));
  std::iota(indices.begin(), indices.end(), 0);
  if (count <= 0 || count >= size) return indices;
  std::mt19937_64 random(seed);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto j = i + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(size - i));
    std::swap(indices[static_cast<std::size_t>(i)], indices[static_cast<std::size_t>(j)]);
  }
  indices.resize(static_cast<std::size_t>(count));
  std::sort(indices.begin(), indices.end());
  return indices;
}

std::string_view bytes_of(const void* data, std::size_t size) { return {static_cast<const char*>(data), size}; }

}  // namespace

Images::Images(const std::string& spec, bool need_labels, const Preprocessing& preprocessing, const Shape& input,
               std::int64_t count, std::uint64_t seed)
    : spec_(spec), dataset_(open_dataset(spec, need_labels)), preprocessing_(preprocessing), input_(input),
      indices_(choose(dataset_->size(), count, seed)), digests_(indices_.size()) {
  if (dataset_->is_float()) return;
  if (input.size() != 3) fail("the network's input is {}, and '{}' holds pictures; give an npy set of float32", to_string(input), spec);
  if (input[0] != preprocessing.channel_count()) {
    fail("the preprocessing gives {} channel{}; the network's input is {} (channels, height, width): set channels to {}",
         preprocessing.channel_count(), preprocessing.channel_count() == 1 ? "" : "s", to_string(input),
         input[0] == 1 ? "\"gray\"" : "\"RGB\" or \"BGR\"");
  }
  if (preprocessing.height != 0 && (preprocessing.height != input[1] || preprocessing.width != input[2])) {
    fail("the preprocessing gives pictures of {} x {}; the network's input is {} x {}: set size = [{}, {}]", preprocessing.height,
         preprocessing.width, input[1], input[2], input[1], input[2]);
  }
  preprocessing_.height = static_cast<int>(input[1]);
  preprocessing_.width = static_cast<int>(input[2]);
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
    const std::int64_t channels = input_.size() == 3 ? input_[0] : 1, pixels = element_count(input_) / std::max<std::int64_t>(channels, 1);
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t p = 0; p < pixels; ++p) out[static_cast<std::size_t>(p * channels + c)] = item.data[static_cast<std::size_t>(c * pixels + p)];
    }
  } else {
    preprocess(dataset_->image(indices_[at]), preprocessing_, out.data());
  }
  digests_[at] = content_digest(bytes_of(out.data(), out.size_bytes()));
}

ImageSet Images::set() const {
  return {size(), [this](std::int64_t i, std::span<float> out) { load(i, out); },
          [this](std::int64_t i) { return dataset_->label(indices_[static_cast<std::size_t>(i)]); }};
}

std::string Images::hash() const {
  ContentHash hash;
  for (std::size_t i = 0; i < indices_.size(); ++i) {
    const std::int64_t entry[2] = {indices_[i], dataset_->label(indices_[i])};
    hash.update(bytes_of(entry, sizeof entry));
    hash.update(bytes_of(digests_[i].data(), digests_[i].size()));
  }
  return hash.hex();
}

std::string Images::key() const {
  ContentHash hash;
  hash.update(spec_);
  hash.update(bytes_of(indices_.data(), indices_.size() * sizeof(std::int64_t)));
  std::vector<float> image(static_cast<std::size_t>(element_count(input_)));
  for (const std::int64_t i : {std::int64_t{0}, size() - 1}) {
    load(i, image);
    hash.update(bytes_of(image.data(), image.size() * sizeof(float)));
  }
  return hash.hex();
}

}  // namespace bitsieve::cli
