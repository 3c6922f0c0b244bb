// bitsieve calibrate: one streaming pass over images, or the merging of several; writes the calibration file.
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "cli/calibration_source.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "quant/bit_sparsity.h"

namespace bitsieve::cli {
namespace {

void print(const Options& options, const Graph& graph, const Calibration& calibration, bool reused,
           const Stopwatch& clock, const ModelFile& file) {
  Json values = Json::array();
  if (!options.json()) {
    std::printf("%-36s %10s %10s %10s %7s %7s %7s   share of 8-bit codes by leading one, 0 and bit 0 to 7, %%\n",
                "value", "min", "max", "mean max", "zeros %", "pairs 0", "one 0");
  }
  for (const Value& value : graph.values) {
    const auto found = calibration.values.find(value.name);
    if (found == calibration.values.end()) continue;
    const ValueStatistics& s = found->second;
    const bool positive = s.min >= 0;
    const double top = positive ? s.mean_max() / 255 : std::max(s.mean_max(), -s.mean_min()) / 127;
    const BitSparsity bits = bit_sparsity(s, top > 0 ? top : 1, positive);
    values.push_back({{"name", value.name},
                      {"min", s.min},
                      {"max", s.max},
                      {"mean_max", s.mean_max()},
                      {"zeros", bits.zeros},
                      {"pairs_both_zero", bits.pairs_both_zero},
                      {"pairs_one_zero", bits.pairs_one_zero},
                      {"leading_one", bits.leading_one}});
    if (options.json()) continue;
    std::printf("%-36s %10.4g %10.4g %10.4g %7.1f %7.1f %7.1f  ", value.name.c_str(), s.min, s.max, s.mean_max(),
                100 * bits.zeros, 100 * bits.pairs_both_zero, 100 * bits.pairs_one_zero);
    for (const double share : bits.leading_one) std::printf(" %4.1f", 100 * share);
    std::printf("\n");
  }
  if (options.json()) {
    Json document = run_facts(options, clock);
    document["model"] = options.model;
    document["model_hash"] = file.hash;
    document["data"] = calibration.data;
    document["data_hash"] = calibration.data_hash;
    document["images"] = calibration.images_done;
    document["reused"] = reused;
    document["file"] = options.output;
    document["values"] = values;
    return print_json(document);
  }
  std::printf("\n%lld images, %.1f s; written: %s\n", static_cast<long long>(calibration.images_done), clock.seconds(),
              options.output.c_str());
}

void run(const Options& options, const std::vector<std::string>& parts) {
  const Stopwatch clock;
  const ModelFile file = load_float_model(options.model, options, "calibrate");
  require_other_file(options.output, options, file, parts);
  if (!parts.empty()) {
    if (!options.calib.empty())
      throw Error("--merge takes calibration files, --calib images: give one of the two", ErrorKind::usage);
    Calibration merged;
    for (const std::string& path : parts) {
      const Calibration part = load_calibration(path);
      require_model(part, file.hash, path);
      require_complete(part, path);
      merge(merged, part, path);
    }
    find_calibration(options.output, merged, CacheFile::named, options);  // nothing else is written over
    save_calibration(options.output, merged);
    return print(options, file.graph, merged, true, clock, file);
  }
  if (options.calib.empty()) throw Error("calibrate needs --calib IMAGES, or --merge FILE...", ErrorKind::usage);
  if (names_calibration(options)) {
    throw Error(
        fmt::format("--calib: '{}' is a calibration already; calibrate wants images (KIND:PATH)", options.calib),
        ErrorKind::usage);
  }
  const CalibrationSource source = obtain_calibration(file, options, options.output);
  print(options, file.graph, source.calibration, source.reused, clock, file);
}

}  // namespace

void add_calibrate(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<Options>();
  auto parts = std::make_shared<std::vector<std::string>>();
  auto resume = std::make_shared<bool>(false);
  options->command = command;
  add_model(app, *options, "ONNX file");
  add_calibration(app, *options, false);
  add_threads(app, *options);
  app.add_option("-o,--output", options->output, "calibration file to write; reused when it is there already")
      ->check(not_empty())
      ->required();
  app.add_option("--merge", *parts, "merge these calibration files instead of looking at images");
  app.add_flag("--resume", *resume, "go on where an interrupted pass stopped (always done)");
  app.callback([options, parts, resume] { run(*options, *parts); });
}

}  // namespace bitsieve::cli
