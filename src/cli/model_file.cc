#include "cli/model_file.h"

#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "cli/report.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"

namespace bitsieve::cli {
namespace {

// --preprocess, or MODEL with the ending .toml, or the default (pixels / 255, gray where the network has one channel).
void read_preprocessing(ModelFile& file, const Options& options) {
  std::string path = options.preprocess;
  if (path.empty()) path = std::filesystem::path(file.path).replace_extension(".toml");
  file.default_preprocessing = options.preprocess.empty() && !std::filesystem::exists(path);
  if (file.default_preprocessing) {
    if (file.input().size() == 3 && file.input()[0] == 1) file.preprocessing.channels = ChannelOrder::gray;
  } else {
    file.preprocessing = parse_preprocessing(read_file(path, 1 << 20), path);
    file.preprocessing_path = path;
  }
}

// Whether both name one file, which need not be there yet.
}  // namespace

bool same_file(const std::string& a, const std::string& b) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::equivalent(a, b, error)) return true;
  const fs::path whole_a = fs::weakly_canonical(fs::absolute(a, error), error);
  const fs::path whole_b = fs::weakly_canonical(fs::absolute(b, error), error);
  return !error && whole_a == whole_b;
}

ModelFile load_model(const std::string& path, const Options& options) {
  const std::shared_ptr<const FileMap> map = FileMap::open(path);
  const std::string_view bytes = map->bytes();
  ModelFile file;
  file.path = path;
  file.hash = content_hash(bytes);
  file.bytes = static_cast<std::int64_t>(bytes.size());
  if (is_bsv(bytes)) {
    if (!options.preprocess.empty()) {
      throw Error(
          fmt::format("--preprocess: '{}' holds the preprocessing it was made with; no other can be used", path),
          ErrorKind::usage);
    }
    file.packed = read_bsv(map, path, FloatWeights::left_out);
    file.graph = file.packed->model.graph;
    file.preprocessing = file.packed->preprocessing;
    return file;
  }
  file.graph = parse_onnx(bytes, path);
  fold_batch_norms(file.graph);
  fuse_activations(file.graph);
  remove_dead(file.graph);
  read_preprocessing(file, options);
  return file;
}

ModelFile load_float_model(const std::string& path, const Options& options, const char* verb) {
  ModelFile file = load_model(path, options);
  if (file.packed) {
    fail("'{}' is quantized already; {} needs the ONNX file it was made from ('{}')", path, verb,
         file.packed->source_name);
  }
  return file;
}

void warn_of_default_preprocessing(const Options& options, const ModelFile& model, const Images& images) {
  static std::set<std::string> said;  // a command may read several data sets for one model
  if (!model.default_preprocessing || !images.pictures() || !said.insert(model.path).second) return;
  warn(options, fmt::format("no --preprocess and no '{}': pixels are divided by 255, nothing else",
                            std::filesystem::path(model.path).replace_extension(".toml").string()));
}

void require_other_file(const std::string& output, const Options& options, const ModelFile& model,
                        const std::vector<std::string>& more) {
  const auto refuse = [&](const std::string& path, const char* what) {
    if (path.empty() || !same_file(output, path)) return;
    throw Error(fmt::format("--output: '{}' would be written over {}; name another file", output, what),
                ErrorKind::usage);
  };
  refuse(model.path, "the model itself");
  refuse(model.preprocessing_path, "the preprocessing file");
  refuse(options.config, "what --config names");
  const auto refuse_data = [&](const std::string& spec, const char* what) {
    refuse(spec, what);
    // KIND:PATH,PATH
    for (std::size_t at = spec.find(':'); at != std::string::npos;) {
      const std::size_t end = spec.find(',', ++at);
      refuse(spec.substr(at, end - at), what);
      at = end;
    }
  };
  refuse_data(options.calib, "what --calib names");
  refuse_data(options.data, "what --data names");
  for (const std::string& path : more) refuse(path, "another file of this command");
}

}  // namespace bitsieve::cli
