#include "data/dataset.h"

#include <array>

#include "base/error.h"
#include "data/readers.h"

namespace bitsieve {
namespace {

constexpr DatasetKind kinds[] = {
    {"fashion-mnist", "fashion-mnist:DIR:test|train", "the four idx files of Fashion-MNIST, plain or .gz",
     open_fashion_mnist},
    {"mnist", "mnist:DIR:test|train", "the four idx files of MNIST, plain or .gz", open_mnist},
    {"cifar10", "cifar10:FILE.bin[,FILE.bin]", "CIFAR-10 in its binary version", open_cifar10},
    {"images", "images:DIR[,labels.csv]",
     "JPEG and PNG files, with lines 'file,label' in a CSV file or a folder for each class", open_image_folder},
    {"image", "image:FILE", "one JPEG or PNG file, without a label", open_image},
    {"npy", "npy:X.npy[,Y.npy]", "NumPy arrays: X float N,C,H,W (network inputs) or uint8 N,H,W,C; Y integer N",
     open_npy},
};

std::string kind_names() {
  std::string names;
  for (const DatasetKind& kind : kinds) names += (names.empty() ? "" : ", ") + std::string(kind.name);
  return names;
}

}  // namespace

Image Dataset::image(std::int64_t) const { fail("{} holds tensors, not images", description()); }

Tensor Dataset::floats(std::int64_t) const { fail("{} holds images, not tensors", description()); }

Digest Dataset::digest(std::int64_t i) const {
  ContentHash hash;
  const auto add = [&](const auto& items) {
    hash.update({reinterpret_cast<const char*>(items.data()), items.size() * sizeof(items[0])});
  };
  if (is_float()) {
    const Tensor item = floats(i);
    add(item.shape);
    add(item.data);
  } else {
    const Image item = image(i);
    add(std::array{item.height, item.width, item.channels});
    add(item.pixels);
  }
  return hash.digest();
}

std::span<const DatasetKind> dataset_kinds() { return kinds; }

std::unique_ptr<Dataset> open_dataset(const std::string& spec, bool need_labels) {
  const std::size_t colon = spec.find(':');
  if (colon == std::string::npos || colon + 1 == spec.size()) {
    throw Error(fmt::format("data '{}' is not KIND:PATH[:SPLIT]; KIND is one of {}", spec, kind_names()),
                ErrorKind::usage);
  }
  const std::string name = spec.substr(0, colon);
  for (const DatasetKind& kind : kinds) {
    if (kind.name == name) return kind.open(spec.substr(colon + 1), need_labels);
  }
  throw Error(fmt::format("data '{}' has the unknown kind '{}'; known are {}", spec, name, kind_names()),
              ErrorKind::usage);
}

}  // namespace bitsieve
