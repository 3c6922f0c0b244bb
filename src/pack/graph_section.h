// The section GRPH: values and nodes, without any constants or parameters.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace bitsieve::pack {

// What GRPH says beside the graph: where constants and parameters follow in another section.
struct GraphStructure {
  Graph graph;
  std::vector<bool> constant;  // by value
  std::vector<bool> bias;      // by node: a float conv or linear has one
};

// integer: by node, whether the parameters are the integers of section CODE.
std::string encode_graph(const Graph& graph, const std::vector<bool>& integer);

// Ids are in range, operators and flags are known, conv and linear have one input. Everything else is left to
// check_model.
GraphStructure decode_graph(std::string_view section);

// [O][I per group][kh][kw] of a conv, [O][K] of a linear, from the shapes around it. Throws Error where these cannot
// be.
Shape weight_shape(const Graph& graph, const Node& node);

}  // namespace bitsieve::pack
