// Data sets kept as NumPy arrays.
#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "data/readers.h"
#include "tensor/npy.h"

namespace bitsieve {
namespace {

// The letter of the element type ('f', 'i' or 'u') and its size, e.g. "u1". Call it after parse_npy accepted the file.
std::string_view element_type(std::string_view bytes) {
  const std::string_view key = "'descr':";
  const std::size_t at = bytes.find(key);
  const std::size_t quote = bytes.find('\'', at + key.size());
  return bytes.substr(quote + 2, 2);
}

std::vector<int> read_labels(const std::string& path, std::int64_t count, const std::string& images) {
  const std::string bytes = read_file(path);
  const Tensor values = parse_npy(bytes, path);
  if (element_type(bytes)[0] == 'f') fail("'{}' holds floating-point numbers; labels are integers", path);
  if (values.shape.empty() || values.shape[0] != values.size()) {
    fail("'{}' has shape {}; labels have one dimension", path, to_string(values.shape));
  }
  if (values.size() != count) fail("'{}' holds {} labels, '{}' holds {} images", path, values.size(), images, count);
  std::vector<int> labels;
  for (const float value : values.data) {
    // Beyond 2^24 a float no longer holds every integer.
    if (!(value >= 0 && value < 16777216)) fail("'{}' holds the label {}; labels are 0 or more", path, value);
    labels.push_back(static_cast<int>(value));
  }
  return labels;
}

class NpyDataset : public Dataset {
 public:
  NpyDataset(std::string path, Shape shape, std::vector<int> labels)
      : path_(std::move(path)), shape_(std::move(shape)), labels_(std::move(labels)) {}
  std::int64_t size() const override { return shape_[0]; }
  std::string description() const override { return fmt::format("npy '{}' ({})", path_, to_string(shape_)); }
  int label(std::int64_t i) const override { return labels_.empty() ? -1 : labels_.at(static_cast<std::size_t>(i)); }

 protected:
  template <class T>
  std::vector<T> item(const std::vector<T>& all, std::int64_t i) const {
    if (i < 0 || i >= size()) fail("item {} of {} was asked for", i, size());
    const auto count = static_cast<std::ptrdiff_t>(all.size()) / size();
    return std::vector<T>(all.begin() + count * i, all.begin() + count * (i + 1));
  }
  const Shape& shape() const { return shape_; }

 private:
  std::string path_;
  Shape shape_;
  std::vector<int> labels_;
};

class NpyFloats : public NpyDataset {
 public:
  NpyFloats(std::string path, Tensor all, std::vector<int> labels)
      : NpyDataset(std::move(path), all.shape, std::move(labels)), values_(std::move(all.data)) {}
  bool is_float() const override { return true; }
  Tensor floats(std::int64_t i) const override {
    return Tensor(Shape(shape().begin() + 1, shape().end()), item(values_, i));
  }

 private:
  std::vector<float> values_;
};

class NpyImages : public NpyDataset {
 public:
  NpyImages(std::string path, const Tensor& all, std::vector<int> labels)
      : NpyDataset(std::move(path), all.shape, std::move(labels)) {
    pixels_.reserve(all.data.size());
    for (const float value : all.data) pixels_.push_back(static_cast<std::uint8_t>(value));
  }
  Image image(std::int64_t i) const override {
    return Image{static_cast<int>(shape()[1]), static_cast<int>(shape()[2]),
                 shape().size() == 4 ? static_cast<int>(shape()[3]) : 1, item(pixels_, i)};
  }

 private:
  std::vector<std::uint8_t> pixels_;
};

}  // namespace

std::unique_ptr<Dataset> open_npy(const std::string& where, bool need_labels) {
  const std::size_t comma = where.rfind(',');
  const std::string path = where.substr(0, comma);
  if (need_labels && (comma == std::string::npos || comma + 1 == where.size())) {
    throw Error(fmt::format("data 'npy:{}' has no labels; write npy:{},Y.npy", where, path), ErrorKind::usage);
  }
  const std::string bytes = read_file(path);
  Tensor all = parse_npy(bytes, path);
  const std::string_view type = element_type(bytes);
  if (all.size() == 0) fail("'{}' holds no images", path);
  const bool image_shape = all.shape.size() == 3 || (all.shape.size() == 4 && (all.shape[3] == 1 || all.shape[3] == 3));
  if (type == "u1" && (!image_shape || all.shape[1] * all.shape[2] > max_image_pixels)) {
    fail("'{}' has shape {}; uint8 images are N,H,W or N,H,W,C with 1 or 3 channels", path, to_string(all.shape));
  }
  if (type != "u1" && type[0] != 'f') fail("'{}' has element type {}; images are f4, f8 or u1", path, type);
  if (all.shape.size() < 2) fail("'{}' has shape {}; inputs are N,C,H,W", path, to_string(all.shape));
  for (std::size_t i = 0; i < all.data.size(); ++i) {
    if (!std::isfinite(all.data[i])) fail("'{}' holds {} at element {}", path, all.data[i], i);
  }
  std::vector<int> labels;
  if (need_labels) labels = read_labels(where.substr(comma + 1), all.shape[0], path);
  if (type == "u1") return std::make_unique<NpyImages>(path, all, std::move(labels));
  return std::make_unique<NpyFloats>(path, std::move(all), std::move(labels));
}

}  // namespace bitsieve
