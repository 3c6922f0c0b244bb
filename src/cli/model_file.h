// MODEL on the command line: an ONNX file, or a packed one.
#pragma once
#include <optional>
#include <string>

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
  bool default_preprocessing = false;  // no file said anything about it

  const Shape& input() const { return graph.shape(graph.input); }
};

// Throws Error; --preprocess with a packed model is one, because the file holds its own.
ModelFile load_model(const std::string& path, const Options& options);

// As load_model, but a packed model is an error that says what to give instead.
ModelFile load_float_model(const std::string& path, const Options& options, const char* verb);

// Throws Error of kind usage when `output` names the file `model`, which would be lost.
void require_other_file(const std::string& output, const std::string& model);

}  // namespace bitsieve::cli
