// Where a calibration comes from: a file, a cache, or a pass over images that can be interrupted and resumed.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "cli/images.h"
#include "cli/model_file.h"
#include "cli/options.h"
#include "compress/pipeline.h"

namespace bitsieve::cli {

struct CalibrationSource {
  Calibration calibration;
  std::unique_ptr<Images> images;  // null when --calib named a calibration file
  std::unique_ptr<FloatMomentsCache> moments = std::make_unique<FloatMomentsCache>();  // on `images`
  bool reused = false;

  // For compress(): the images are those of the calibration. Valid as long as this object.
  CompressInput input(const Graph& graph, const Options& options) const;
};

// Whether --calib names a calibration file (JSON) and not images.
bool names_calibration(const Options& options);

// Whose file a cache is: `named` by the user, where only a calibration of the same model may be made anew, or the
// program's `own`, where anything may.
enum class CacheFile { named, own };

// --calib names images or a calibration file (JSON). cache: a file to reuse and to write, empty for none; an
// interrupted pass leaves CACHE.partial, from which the same command goes on. A calibration of another pass is made
// anew, with a warning. Throws Error when a calibration file belongs to another model, or the one that --calib names
// was made with other preprocessing.
CalibrationSource obtain_calibration(const ModelFile& model, const Options& options, const std::string& cache,
                                     CacheFile whose = CacheFile::named);

// The calibration in `path` where it is of the same pass as `wanted`, perhaps not complete; nothing where there is
// none, or of another pass (with a warning). Throws Error where the file must not be written over.
std::optional<Calibration> find_calibration(const std::string& path, const Calibration& wanted, CacheFile whose,
                                            const Options& options);

}  // namespace bitsieve::cli
