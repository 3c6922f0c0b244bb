// From a quantized model to the bytes of its file.
#pragma once
#include <string>

#include "cli/model_file.h"
#include "quant/calibration.h"
#include "quant/recipe.h"

namespace bitsieve::cli {

// The .bsv file of `model`, which was made from `file` with `recipe`.
std::string pack(const ModelFile& file, const QuantizedModel& model, const Recipe& recipe,
                 const Calibration& calibration);

// --strict: throws Error naming the first conv or linear that is not in the codes the recipe asks for.
void require_asked_precision(const QuantizedModel& model, const Recipe& recipe);

}  // namespace bitsieve::cli
