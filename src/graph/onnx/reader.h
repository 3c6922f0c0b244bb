// ONNX files to Graph, opset 7 to 21.
#pragma once
#include <string>
#include <string_view>

#include "graph/graph.h"

namespace bitsieve {

// Parses and normalizes a model. `origin` names the file in errors. The result satisfies validate().
// Throws Error: not an ONNX file, truncated, external data, unsupported opset, operator, type or attribute (naming
// node, operator and what is supported), dynamic shapes other than the batch, non-finite weights.
Graph parse_onnx(std::string_view bytes, const std::string& origin);

// read_file + parse_onnx.
Graph load_onnx(const std::string& path);

}  // namespace bitsieve
