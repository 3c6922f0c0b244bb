// How values lie in memory: rank 3 channel-last, everything else in logical order (see quant/model.h).
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "tensor/shape.h"

namespace bitsieve {

// Distance in elements between neighbours along each logical axis.
std::vector<std::int64_t> storage_strides(const Shape& shape);

// Strides of `from`, broadcast to `to` (numpy rules): 0 along broadcast axes; one entry per axis of `to`.
std::vector<std::int64_t> broadcast_strides(const Shape& from, const Shape& to);

// The same for a constant, which lies in logical order whatever its rank.
std::vector<std::int64_t> logical_strides(const Shape& from, const Shape& to);

// Calls visit(i, offset) for every element in row-major logical order: i counts up from 0, offset is the sum of
// coordinate * stride.
void for_each_offset(const Shape& shape, const std::vector<std::int64_t>& strides,
                     const std::function<void(std::int64_t i, std::int64_t offset)>& visit);

}  // namespace bitsieve
