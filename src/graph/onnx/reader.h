// ONNX files to Graph, opset 7 to 21.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace bitsieve {

// What one model may cost in bytes of memory, so that a small hostile file cannot take all memory. Checked before
// memory is taken.
struct OnnxLimits {
  std::uint64_t constant_bytes = std::uint64_t{4} << 30;    // decoded and computed constants and weights, all together
  std::uint64_t activation_bytes = std::uint64_t{4} << 30;  // every activation of one image in float32, all together
  std::uint64_t parsed_bytes = std::uint64_t{8} << 30;      // the file's messages, by an upper bound
};

// Parses and normalizes a model. `origin` names the file in errors. The result satisfies validate().
// Throws Error: not an ONNX file, truncated, external data, unsupported opset, operator, type or attribute (naming
// node, operator and what is supported), dynamic shapes other than the batch, non-finite weights (naming the node, the
// tensor and the element), more than one input or output (constants aside), more memory than `limits` allow.
Graph parse_onnx(std::string_view bytes, const std::string& origin, const OnnxLimits& limits = {});

// read_file + parse_onnx.
Graph load_onnx(const std::string& path);

// The operators of the reader's table, sorted: "Add", "AveragePool", ...
std::vector<std::string> supported_onnx_operators();

}  // namespace bitsieve
