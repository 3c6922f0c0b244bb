// Graph to an ONNX file, opset 14.
#pragma once
#include <map>
#include <string>

#include "graph/graph.h"

namespace bitsieve {

// A model that parse_onnx and the passes turn into the same graph again, but for names: fused clamps become nodes of
// their own, and a folded norm (Node::norm) is unfolded, so that it can be trained on; both read back as they were, the
// unfolded weights to a few units in the last place. Only the bias of a linear layer on anything but a vector, which
// has no operator of its own in ONNX, comes back as an add. The batch is left open. Throws Error for a graph that is
// not valid. facts: the model's metadata, which viewers show and readers may ignore.
std::string write_onnx(const Graph& graph, const std::map<std::string, std::string>& facts = {});

// The whole file or nothing.
void save_onnx(const std::string& path, const Graph& graph, const std::map<std::string, std::string>& facts = {});

}  // namespace bitsieve
