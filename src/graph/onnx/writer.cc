#include "graph/onnx/writer.h"

#include "base/files.h"
#include "graph/onnx/graph_writer.h"
#include "graph/passes/passes.h"

namespace bitsieve {
namespace {

class Writer : public GraphWriter {
 public:
  Writer(const Graph& graph, const std::map<std::string, std::string>& facts) : GraphWriter(graph, 0, false) {
    for (const auto& [key, value] : facts) fact(key, value);
  }

 private:
  void begin() override {
    for (std::size_t v = 0; v < graph().values.size(); ++v) {
      const auto& value = graph().values[v].constant;
      if (value) constant(name(static_cast<ValueId>(v)), *value);
    }
  }

  // The node, then its norm and its clamp where it has them.
  void write(const Node& n) override {
    const std::string last = is_clamped(n) ? fresh(n.name + "_before_clamp") : name(n.output);
    if (n.norm && has_weights(n)) {
      const std::string before = fresh(n.name + "_before_norm");
      const Unfolded raw = unfold_norm(n);
      layer(n, raw.weight, raw.bias ? &*raw.bias : nullptr, before);
      normalize(n, before, last);
    } else if (has_weights(n)) {
      layer(n, n.weight(), n.bias(), last);
    } else {
      std::vector<std::string> inputs;
      for (const ValueId id : n.inputs) inputs.push_back(name(id));
      write_operator(n, inputs, last);
    }
    if (is_clamped(n)) write_clamp(n, last, name(n.output));
  }

  void layer(const Node& n, const Tensor& weight, const Tensor* bias, const std::string& output) {
    Tensor given = weight;
    if (multiplies_matrices(n)) {
      given.data = transposed(weight.data, weight.shape[0]);
      std::swap(given.shape[0], given.shape[1]);
    }
    const std::string weights = constant(fresh(n.name + "_weight"), given);
    write_layer(n, name(n.inputs[0]), weights, bias == nullptr ? "" : constant(fresh(n.name + "_bias"), *bias), output);
  }

  void normalize(const Node& n, const std::string& input, const std::string& output) {
    const auto channels = [&](const char* what, const std::vector<float>& values) {
      return initializer(fresh(n.name + what), {static_cast<std::int64_t>(values.size())}, values);
    };
    auto& proto = node("BatchNormalization", fresh(n.name + "_norm"),
                       {input, channels("_gamma", n.norm->gamma), channels("_beta", n.norm->beta),
                        channels("_mean", n.norm->mean), channels("_variance", n.norm->variance)},
                       output);
    set(proto, "epsilon", n.norm->epsilon);
  }
};

}  // namespace

std::string write_onnx(const Graph& graph, const std::map<std::string, std::string>& facts) {
  return Writer(graph, facts).run();
}

void save_onnx(const std::string& path, const Graph& graph, const std::map<std::string, std::string>& facts) {
  write_file_atomically(path, write_onnx(graph, facts));
}

}  // namespace bitsieve
