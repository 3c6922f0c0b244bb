// From an ONNX model to the numbers it computes, for the tests of operators.
#pragma once
#include <cmath>
#include <ostream>
#include <utility>
#include <vector>

#include "graph/onnx/test_model.h"
#include "graph/passes/passes.h"
#include "runtime/executor.h"
#include "runtime/layout.h"

namespace bitsieve {

using Numbers = std::vector<float>;

inline std::vector<float> reorder(const Shape& shape, const std::vector<float>& from, bool to_storage) {
  std::vector<float> to(from.size());
  for_each_offset(shape, storage_strides(shape), [&](std::int64_t i, std::int64_t at) {
    const auto logical = static_cast<std::size_t>(i), stored = static_cast<std::size_t>(at);
    (to_storage ? to[stored] = from[logical] : to[logical] = from[stored]);
  });
  return to;
}

struct Result {
  Shape shape;
  Numbers values;  // in logical order
};
inline bool operator==(const Result& a, const Result& b) { return a.shape == b.shape && a.values == b.values; }
inline void PrintTo(const Result& r, std::ostream* out) {
  *out << to_string(r.shape) << ':';
  for (const float v : r.values) *out << ' ' << v;
}

// The output of the model on the image 0, 1, 2, ... (or `image`).
inline Result run(const TestModel& model, Numbers image = {}) {
  Graph graph = model.parse();
  fold_batch_norms(graph);
  fuse_activations(graph);
  remove_dead(graph);
  validate(graph);
  const Shape in = graph.shape(graph.input), out = graph.shape(graph.output);
  if (image.empty()) {
    for (std::int64_t i = 0; i < element_count(in); ++i) image.push_back(static_cast<float>(i));
  }
  const QuantizedModel network = float_model(std::move(graph));
  const Executor executor(network, true);
  Executor::Workspace workspace;
  Numbers scores;
  executor.run(reorder(in, image, true), workspace, scores);
  return {out, reorder(out, scores, false)};
}

// One node from x to y.
inline Result run_one(int opset, const Integers& input, const std::string& type, const Numbers& image = {}) {
  TestModel m(opset, input);
  m.node(type, {"x"}, {"y"});
  return run(m, image);
}

}  // namespace bitsieve
