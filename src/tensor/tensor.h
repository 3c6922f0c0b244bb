// A dense row-major array that owns its elements.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "tensor/shape.h"

namespace bitsieve {

template <class T>
struct Array {
  Shape shape;
  std::vector<T> data;  // element_count(shape) elements

  Array() = default;
  explicit Array(Shape s, T fill = T{})
      : shape(std::move(s)), data(static_cast<std::size_t>(element_count(shape)), fill) {}
  Array(Shape s, std::vector<T> d) : shape(std::move(s)), data(std::move(d)) {}
  std::int64_t size() const { return static_cast<std::int64_t>(data.size()); }
};

using Tensor = Array<float>;

}  // namespace bitsieve
