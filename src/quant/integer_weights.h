// The integers of a layer's weights: numbers of their own, or a part of a mapped file.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "base/file_map.h"

namespace bitsieve {

class IntegerWeights {
 public:
  IntegerWeights() = default;
  IntegerWeights(std::vector<std::int8_t> weights) : own_(std::move(weights)) {}
  IntegerWeights(std::initializer_list<std::int8_t> weights) : own_(weights) {}
  // `count` numbers from `first` on, which lie in `file`.
  IntegerWeights(std::shared_ptr<const FileMap> file, const std::int8_t* first, std::size_t count)
      : file_(std::move(file)), first_(first), count_(count) {}

  const std::int8_t* data() const { return file_ ? first_ : own_.data(); }
  std::size_t size() const { return file_ ? count_ : own_.size(); }
  bool empty() const { return size() == 0; }
  const std::int8_t* begin() const { return data(); }
  const std::int8_t* end() const { return data() + size(); }
  std::int8_t operator[](std::size_t i) const { return data()[i]; }

  // To change them. What lies in a file is copied first.
  std::vector<std::int8_t>& edit() {
    if (file_) {
      own_.assign(begin(), end());
      file_ = nullptr;
    }
    return own_;
  }

  // What lies in a file need not stay in memory: it is read again when it is wanted.
  void release() const {
    if (file_) file_->release({reinterpret_cast<const char*>(first_), count_});
  }

  friend bool operator==(const IntegerWeights& a, const IntegerWeights& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::vector<std::int8_t> own_;  // empty where there is a file
  std::shared_ptr<const FileMap> file_;
  const std::int8_t* first_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace bitsieve
