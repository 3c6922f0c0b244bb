// Labelled images (or ready-made input tensors) from the file formats bitsieve reads.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "data/image.h"
#include "tensor/tensor.h"

namespace bitsieve {

// Every member function may be called from several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::int64_t size() const = 0;  // at least 1
  virtual std::string description() const = 0;
  // The class of item i, -1 when labels were not asked for.
  virtual int label(std::int64_t i) const = 0;
  // True when the items are network inputs already: use floats(), not image().
  virtual bool is_float() const { return false; }
  virtual Image image(std::int64_t i) const;
  // Item i without the batch dimension, in the file's own order (C, H, W for a network's input).
  virtual Tensor floats(std::int64_t i) const;
  // Of item i as its file holds it, without the label: what tells data sets apart. Cheap beside image().
  virtual Digest digest(std::int64_t i) const;
};

// One kind of data set, as `bitsieve list` shows it.
struct DatasetKind {
  std::string_view name;
  std::string_view syntax;
  std::string_view description;
  std::unique_ptr<Dataset> (*open)(const std::string& where, bool need_labels);  // where: what follows "KIND:"
};

std::span<const DatasetKind> dataset_kinds();

// Opens "KIND:PATH[:SPLIT]". Throws a usage Error when the spec itself is wrong, an Error when the files are.
// Labels are read only when need_labels, so calibration works on unlabelled data.
std::unique_ptr<Dataset> open_dataset(const std::string& spec, bool need_labels);

}  // namespace bitsieve
