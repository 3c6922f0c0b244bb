// Memory that starts a cache line.
#pragma once
#include <cstdint>
#include <memory>
#include <new>

namespace bitsieve {

class AlignedBytes {
 public:
  // Makes room for `bytes` at least; contents are lost when it grows.
  void reserve(std::size_t bytes) {
    if (bytes <= size_) return;
    data_.reset(static_cast<std::uint8_t*>(::operator new (bytes, std::align_val_t{64})));
    size_ = bytes;
  }
  std::uint8_t* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::uint8_t* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  std::unique_ptr<std::uint8_t, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace bitsieve
