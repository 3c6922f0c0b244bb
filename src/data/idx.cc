// MNIST's idx files: a big-endian magic number, one extent per dimension, then bytes.
#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "data/gzip.h"
#include "data/readers.h"

namespace bitsieve {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t max_file_bytes = std::uint64_t{1} << 30;

struct Idx {
  std::vector<std::uint32_t> shape;
  std::string bytes;  // the whole file; elements begin at header_size
  std::size_t header_size;
};

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// Checks the header and returns how long the file has to be.
std::uint64_t announced_size(std::string_view header, std::size_t rank, const std::string& path) {
  const std::uint32_t magic = big_endian(header, 0);
  const std::uint32_t wanted = 0x800 + static_cast<std::uint32_t>(rank);  // 8: unsigned bytes
  if (magic != wanted) fail("'{}' is not an idx{} file of bytes: magic number {:#010x}", path, rank, magic);
  std::uint64_t total = 1;
  for (std::size_t d = 0; d < rank; ++d) {
    const std::uint64_t extent = big_endian(header, 4 + 4 * d);
    if (extent == 0) fail("'{}' holds no {}", path, rank == 1 ? "labels" : "images");
    // Both factors are below 2^32, so the product cannot wrap before it is compared.
    total *= extent;
    if (total > max_file_bytes) fail("'{}' announces more than 1 GiB", path);
  }
  return header.size() + total;
}

Idx read_idx(const std::string& path, std::size_t rank) {
  Idx idx;
  idx.header_size = 4 + 4 * rank;
  const auto size_of = [&](std::string_view header) { return announced_size(header, rank, path); };
  idx.bytes = read_file(path, max_file_bytes + idx.header_size);
  if (path.ends_with(".gz")) idx.bytes = inflate_gzip(idx.bytes, idx.header_size, size_of, path);
  if (idx.bytes.size() < idx.header_size) fail("'{}' is truncated in its header", path);
  const std::uint64_t total = size_of(std::string_view(idx.bytes).substr(0, idx.header_size));
  if (idx.bytes.size() < total) {
    fail("'{}' is truncated: {} bytes announced, {} present", path, total, idx.bytes.size());
  }
  if (idx.bytes.size() > total) fail("'{}' is longer than the {} bytes it announces", path, total);
  for (std::size_t d = 0; d < rank; ++d) idx.shape.push_back(big_endian(idx.bytes, 4 + 4 * d));
  return idx;
}

// The copies of MNIST in circulation differ in one character and in being packed.
std::string find_idx(const fs::path& dir, const std::string& prefix, const std::string& what) {
  for (const char* separator : {"-", "."}) {
    for (const char* packing : {"", ".gz"}) {
      const fs::path path = dir / (prefix + separator + what + packing);
      if (std::error_code error; fs::exists(path, error)) return path.string();
    }
  }
  fail("no '{}-{}' (or .gz) in '{}'", prefix, what, dir.string());
}

class IdxDataset : public Dataset {
 public:
  IdxDataset(std::string description, Idx images, Idx labels)
      : description_(std::move(description)), images_(std::move(images)), labels_(std::move(labels)) {}
  std::int64_t size() const override { return images_.shape[0]; }
  std::string description() const override { return description_; }
  int label(std::int64_t i) const override {
    if (labels_.bytes.empty()) return -1;
    return static_cast<unsigned char>(labels_.bytes.at(labels_.header_size + static_cast<std::size_t>(i)));
  }
  Image image(std::int64_t i) const override {
    if (i < 0 || i >= size()) fail("image {} of {} was asked for", i, size());
    const std::size_t count = std::size_t{images_.shape[1]} * images_.shape[2];
    const auto first =
        images_.bytes.begin() + static_cast<std::ptrdiff_t>(images_.header_size + count * static_cast<std::size_t>(i));
    Image image{static_cast<int>(images_.shape[1]), static_cast<int>(images_.shape[2]), 1, {}};
    image.pixels.assign(first, first + static_cast<std::ptrdiff_t>(count));
    return image;
  }

 private:
  std::string description_;
  Idx images_, labels_;
};

std::unique_ptr<Dataset> open_idx(const std::string& name, const std::string& where, bool need_labels) {
  // The split is what follows the last colon, so that a directory's name may hold colons.
  const std::size_t colon = where.rfind(':');
  const std::string split = colon == std::string::npos ? "" : where.substr(colon + 1);
  if (split != "test" && split != "train") {
    throw Error(fmt::format("data '{0}:{1}' names no split; write {0}:DIR:test or {0}:DIR:train", name, where),
                ErrorKind::usage);
  }
  const fs::path dir = where.substr(0, colon);
  if (std::error_code error; !fs::is_directory(dir, error)) fail("no such directory '{}'", dir.string());
  const std::string prefix = split == "test" ? "t10k" : "train";
  const std::string images_path = find_idx(dir, prefix + "-images", "idx3-ubyte");
  Idx images = read_idx(images_path, 3);
  Idx labels{};
  if (need_labels) {
    const std::string labels_path = find_idx(dir, prefix + "-labels", "idx1-ubyte");
    labels = read_idx(labels_path, 1);
    if (labels.shape[0] != images.shape[0]) {
      fail("'{}' holds {} labels, '{}' holds {} images", labels_path, labels.shape[0], images_path, images.shape[0]);
    }
  }
  return std::make_unique<IdxDataset>(fmt::format("{} {} ({} images)", name, split, images.shape[0]), std::move(images),
                                      std::move(labels));
}

}  // namespace

std::unique_ptr<Dataset> open_fashion_mnist(const std::string& where, bool need_labels) {
  return open_idx("fashion-mnist", where, need_labels);
}

std::unique_ptr<Dataset> open_mnist(const std::string& where, bool need_labels) {
  return open_idx("mnist", where, need_labels);
}

}  // namespace bitsieve
