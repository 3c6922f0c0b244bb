// Shapes of dense row-major arrays.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitsieve {

// Extents, outermost first; an empty shape is a scalar.
using Shape = std::vector<std::int64_t>;

// Number of elements. Throws Error for a negative extent or when the count exceeds 2^40.
std::int64_t element_count(const Shape& shape);

// "64x3x3x3"; "scalar" for an empty shape.
std::string to_string(const Shape& shape);

// Shape of the numpy-style broadcast of a and b. Throws Error when they do not fit.
Shape broadcast_shape(const Shape& a, const Shape& b);

}  // namespace bitsieve
