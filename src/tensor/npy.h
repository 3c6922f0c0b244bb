// Reader for NumPy's .npy format, versions 1 to 3, C order, little endian.
#pragma once
#include <string>
#include <string_view>

#include "tensor/tensor.h"

namespace bitsieve {

// Parses u1, i1, u2, i2, i4, i8, f4 and f8 arrays; values are converted to float (i8 and f8 may round).
// `origin` names the file in errors. Throws Error on anything malformed, truncated or in Fortran order.
Tensor parse_npy(std::string_view bytes, const std::string& origin);

}  // namespace bitsieve
