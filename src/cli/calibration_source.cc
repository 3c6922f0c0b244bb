#include "cli/calibration_source.h"

#include <filesystem>

#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve::cli {

bool names_calibration(const Options& options) { return options.calib.ends_with(".json"); }

CompressInput CalibrationSource::input(const Graph& graph, const Options& options) const {
  CompressInput in;
  in.graph = &graph;
  in.calibration = &calibration;
  in.threads = options.threads;
  if (images) {
    in.moments = moments.get();
    in.images = images->size();
    in.image = [this](std::int64_t i, std::span<float> out) { images->load(i, out); };
    in.training_image = images->augmented();
    in.training_images = images->available();
  }
  return in;
}

std::optional<Calibration> find_calibration(const std::string& path, const Calibration& wanted, CacheFile whose,
                                            const Options& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) fail("cannot write '{}': it is a folder", path);
  if (!std::filesystem::is_regular_file(path, ignored)) return {};
  constexpr const char* advice = "delete it, or name another file";
  Calibration found;
  try {
    found = load_calibration(path);
  } catch (const Error& e) {
    if (whose == CacheFile::named) fail("{}; {}", e.what(), advice);
    warn(options, fmt::format("{}; made anew", e.what()));
    return {};
  }
  if (whose == CacheFile::named) require_model(found, wanted.model_hash, path, advice);
  const std::string difference = pass_difference(found, wanted);
  if (difference.empty()) return found;
  warn(options, fmt::format("calibration: '{}' was made {}; made anew", path, difference));
  return {};
}

CalibrationSource obtain_calibration(const ModelFile& model, const Options& options, const std::string& cache,
                                     CacheFile whose) {
  CalibrationSource source;
  if (names_calibration(options)) {
    source.calibration = load_calibration(options.calib);
    require_model(source.calibration, model.hash, options.calib);
    require_preprocessing(source.calibration, model.preprocessing.to_toml(), options.calib);
    require_complete(source.calibration, options.calib);
    source.reused = true;
    return source;
  }
  if (options.calib.find(':') == std::string::npos) {
    throw Error(
        fmt::format("--calib: '{}' is neither images (KIND:PATH) nor a calibration file, whose name ends in .json",
                    options.calib),
        ErrorKind::usage);
  }
  source.images = std::make_unique<Images>(options.calib, false, model.preprocessing, model.input(),
                                           options.calib_samples, options.seed);
  warn_of_default_preprocessing(options, model, *source.images);
  Calibration wanted;
  wanted.model = model.graph.name;
  wanted.model_hash = model.hash;
  wanted.data = options.calib;
  wanted.data_hash = source.images->hash();
  wanted.preprocessing = model.preprocessing.to_toml();
  wanted.seed = options.seed;
  wanted.images_wanted = source.images->size();
  const std::string partial = cache + ".partial";
  Calibration start = wanted;
  if (!cache.empty()) {
    for (const std::string& path : {cache, partial}) {
      std::optional<Calibration> before = find_calibration(path, wanted, whose, options);
      if (!before) continue;
      if (before->complete()) {
        inform(options, fmt::format("calibration: reused '{}'", path));
        source.calibration = std::move(*before);
        source.reused = true;
        break;
      }
      inform(options, fmt::format("calibration: going on from {} of {} images ('{}')", before->images_done,
                                  before->images_wanted, path));
      start = std::move(*before);
    }
    if (source.reused) return source;
  }
  const StopOnSignal signals;
  CalibrateOptions pass;
  pass.threads = options.threads;
  pass.stop = &signals.asked();
  {
    Progress progress("calibrating", wanted.images_wanted);
    pass.progress = [&](std::int64_t done) { progress.set(done); };
    if (!cache.empty()) pass.checkpoint = [&](const Calibration& so_far) { save_calibration(partial, so_far); };
    source.calibration = calibrate(
        float_model(model.graph), wanted.images_wanted,
        [&](std::int64_t i, std::span<float> out) { source.images->load(i, out); }, pass, std::move(start));
  }
  if (!source.calibration.complete()) {
    if (cache.empty()) fail("interrupted after {} of {} images", source.calibration.images_done, wanted.images_wanted);
    fail("interrupted after {} of {} images; the same command goes on from '{}'", source.calibration.images_done,
         wanted.images_wanted, partial);
  }
  if (!cache.empty()) {
    save_calibration(cache, source.calibration);
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
  }
  return source;
}

}  // namespace bitsieve::cli
