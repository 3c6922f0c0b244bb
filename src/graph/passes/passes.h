// Rewrites of a Graph that keep its float meaning.
#pragma once
#include <optional>

#include "graph/graph.h"

namespace bitsieve {

// Folds each batch_norm that is the only reader of a conv, or of a linear on a vector, into that node's weight and
// bias; computed in double. Every other batch_norm becomes a depthwise 1x1 conv (rank-3 values) or a mul and an add
// with constants (every other rank), so that no batch_norm is left. Node::norm is kept where exactly one norm was
// folded. Throws Error naming the node when a folded weight would not be finite.
void fold_batch_norms(Graph& graph);

// Moves a relu or clip that is the only reader of a conv, linear or add into that node's clamp.
void fuse_activations(Graph& graph);

// Drops nodes whose results are not used, constants without readers and unused values; renumbers ids.
void remove_dead(Graph& graph);

// A conv or linear without the norm that was folded into it (Node::norm), which stands apart again. Where gamma is 0
// the weights of a channel are gone: they come out as 0. No bias where there was none: what rounding makes of it is
// dropped.
struct Unfolded {
  Tensor weight;
  std::optional<Tensor> bias;
};
Unfolded unfold_norm(const Node& node);

}  // namespace bitsieve
