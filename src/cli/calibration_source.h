// Where a calibration comes from: a file, a cache, or a pass over images that can be interrupted and resumed.
#pragma once
#include <memory>
#include <string>

#include "cli/images.h"
#include "cli/model_file.h"
#include "cli/options.h"
#include "compress/pipeline.h"

namespace bitsieve::cli {

struct CalibrationSource {
  Calibration calibration;
  std::unique_ptr<Images> images;  // null when --calib named a calibration file
  bool reused = false;

  // For compress(): the images are those of the calibration.
  CompressInput input(const Graph& graph, const Options& options) const;
};

// --calib names images or a calibration file (JSON). cache: a file to reuse and to write, empty for none; an
// interrupted pass leaves CACHE.partial, from which the same command goes on. Throws Error when a calibration file
// belongs to another model.
CalibrationSource obtain_calibration(const ModelFile& model, const Options& options, const std::string& cache);

}  // namespace bitsieve::cli
