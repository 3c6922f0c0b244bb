// CIFAR-10's binary version: records of one label byte and three 32x32 planes, red, green, blue.
#include "base/error.h"
#include "base/files.h"
#include "data/readers.h"

namespace bitsieve {
namespace {

constexpr std::size_t side = 32;
constexpr std::size_t plane = side * side;
constexpr std::size_t record = 1 + 3 * plane;
constexpr int classes = 10;

class Cifar10 : public Dataset {
 public:
  Cifar10(std::string records, bool with_labels) : records_(std::move(records)), with_labels_(with_labels) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(records_.size() / record); }
  std::string description() const override { return fmt::format("cifar10 ({} images)", size()); }
  int label(std::int64_t i) const override { return with_labels_ ? static_cast<unsigned char>(*at(i)) : -1; }
  Image image(std::int64_t i) const override {
    const char* planes = at(i) + 1;
    Image image{side, side, 3, std::vector<std::uint8_t>(3 * plane)};
    for (std::size_t p = 0; p < plane; ++p) {
      for (std::size_t c = 0; c < 3; ++c) image.pixels[3 * p + c] = static_cast<std::uint8_t>(planes[c * plane + p]);
    }
    return image;
  }

 private:
  const char* at(std::int64_t i) const {
    if (i < 0 || i >= size()) fail("image {} of {} was asked for", i, size());
    return records_.data() + record * static_cast<std::size_t>(i);
  }
  std::string records_;
  bool with_labels_;
};

}  // namespace

std::unique_ptr<Dataset> open_cifar10(const std::string& where, bool need_labels) {
  std::string records;
  for (std::size_t begin = 0; begin <= where.size();) {
    const std::size_t end = std::min(where.find(',', begin), where.size());
    const std::string path = where.substr(begin, end - begin);
    const std::string bytes = read_file(path, std::uint64_t{1} << 30);
    if (bytes.empty()) fail("'{}' holds no images", path);
    if (bytes.size() % record != 0) {
      fail("'{}' is not a CIFAR-10 binary file: {} bytes are not a multiple of {}", path, bytes.size(), record);
    }
    for (std::size_t at = 0; at < bytes.size(); at += record) {
      const int label = static_cast<unsigned char>(bytes[at]);
      if (label >= classes) {
        fail("'{}' is not a CIFAR-10 binary file: image {} has label {}, 0 to 9 are possible", path, at / record,
             label);
      }
    }
    records += bytes;
    begin = end + 1;
  }
  return std::make_unique<Cifar10>(std::move(records), need_labels);
}

}  // namespace bitsieve
