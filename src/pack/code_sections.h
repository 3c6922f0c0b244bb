// The sections CODE (types, scales, codes, tables), NUMB (arrays of 4-byte numbers) and WGHT (packed weights).
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "pack/bsv.h"
#include "pack/graph_section.h"
#include "quant/model.h"

namespace bitsieve::pack {

struct CodeSections {
  std::string code, numbers, weights;
};

// `model` has passed validate.
CodeSections encode_codes(const QuantizedModel& model);

// Puts constants, parameters and codes to the structure. Sizes fit the file and the shapes; everything else is left to
// check_codes. file: where the sections lie, so that weights of 8 bits can stay there; or null.
QuantizedModel decode_codes(GraphStructure structure, std::string_view code, std::string_view numbers,
                            std::string_view weights, FloatWeights floats, const std::shared_ptr<const FileMap>& file);

}  // namespace bitsieve::pack
