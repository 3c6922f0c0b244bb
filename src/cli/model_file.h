// MODEL on the command line: an ONNX file, or a packed one.
#pragma once
#include <optional>
#include <string>

#include "cli/images.h"
#include "cli/options.h"
#include "data/preprocess.h"
#include "graph/graph.h"
#include "pack/bsv.h"

namespace bitsieve::cli {

struct ModelFile {
  std::string path, hash;  // hash: content_hash of the file
  std::int64_t bytes = 0;
  Graph graph;                        // ONNX: float, batch norms folded, activations fused; packed: its graph
  std::optional<PackedModel> packed;  // set for a .bsv file
  Preprocessing preprocessing;
  std::string preprocessing_path;      // the file that said so; empty for a packed model
  bool default_preprocessing = false;  // no file said anything about it

  const Shape& input() const { return graph.shape(graph.input); }
};

// Throws Error; --preprocess with a packed model is one, because the file holds its own.
ModelFile load_model(const std::string& path, const Options& options);

// As load_model, but a packed model is an error that says what to give instead.
ModelFile load_float_model(const std::string& path, const Options& options, const char* verb);

// Warns, once for a model, where pictures are read and nobody said how to preprocess them: the wrong way looks like a
// bad network.
void warn_of_default_preprocessing(const Options& options, const ModelFile& model, const Images& images);

// Throws Error of kind usage when `output` names a file that the command reads, which would be lost: the model, the
// preprocessing, the recipe, the calibration or its images; or that is one of `more`.
void require_other_file(const std::string& output, const Options& options, const ModelFile& model,
                        const std::vector<std::string>& more = {});

// Whether both name one file, there already or not.
bool same_file(const std::string& a, const std::string& b);

}  // namespace bitsieve::cli
