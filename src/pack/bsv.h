// A quantized model as one .bsv file: integers, scales, graph, recipe, preprocessing, hashes. docs/format.md describes
// the file to the byte.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_map.h"
#include "data/preprocess.h"
#include "quant/model.h"

namespace bitsieve {

struct PackedModel {
  QuantizedModel model;
  Preprocessing preprocessing;
  std::string recipe_toml;
  std::string source_name;       // the ONNX file it was made from ...
  std::string source_hash;       // ... and its content_hash (base/hash.h); may be empty
  std::string calibration_hash;  // content_hash of the calibration; may be empty
  std::string tool_version;
  std::vector<std::string> labels;  // names of the classes; may be empty
};

// Whether the bytes start like a .bsv file (the first eight decide).
bool is_bsv(std::string_view bytes);

// The same bytes for the same model, on every machine. Throws Error for a model that read_bsv would not accept.
//
// Not written: the float params of integer conv and linear nodes (read_bsv rebuilds them from the integers), attributes
// that a node's operator does not have, transforms that are not active, Node::norm.
std::string write_bsv(const PackedModel& packed);

// What the floats of integer conv and linear layers become.
enum class FloatWeights {
  rebuilt,   // what the integers stand for
  left_out,  // shapes without elements: for running, a quarter of the memory
};

// The params of integer conv and linear nodes come back as what the integers stand for: weight * weight_scale[o], and a
// bias of bias * input scale * weight_scale[o], also where there was none. Everything else is bit for bit what was
// written. Accepts any bytes: throws Error, one line that names `origin` and what is wrong.
PackedModel read_bsv(std::string_view bytes, const std::string& origin, FloatWeights floats = FloatWeights::rebuilt);

// The same of a mapped file: weights of 8 bits stay in it, and may be read again from it long after they were checked,
// so nobody may write into the file meanwhile; bitsieve itself replaces files as a whole.
PackedModel read_bsv(const std::shared_ptr<const FileMap>& file, const std::string& origin, FloatWeights floats);
PackedModel load_bsv(const std::string& path, FloatWeights floats = FloatWeights::rebuilt);
void save_bsv(const std::string& path, const PackedModel& packed);  // the whole file or nothing

}  // namespace bitsieve
