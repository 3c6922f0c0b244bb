#include "cli/model_file.h"

#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
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
  }
}

}  // namespace

ModelFile load_model(const std::string& path, const Options& options) {
  const std::string bytes = read_file(path);
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
    file.packed = read_bsv(bytes, path);
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

void require_other_file(const std::string& output, const std::string& model) {
  std::error_code ignored;
  if (std::filesystem::equivalent(output, model, ignored)) {
    throw Error(fmt::format("--output '{}' is the model itself; name another file", output), ErrorKind::usage);
  }
}

}  // namespace bitsieve::cli
