// What writers of ONNX files share: a Graph becomes nodes of opset 14, one operator at a time. For .cc files that know
// protobuf.
#pragma once
#include <onnx/onnx_pb.h>

#include <set>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace bitsieve {

class GraphWriter {
 public:
  // batch: images of a run; 0 leaves it open. Throws Error for a graph that is not valid; shapes_do: as for validate().
  GraphWriter(const Graph& graph, std::int64_t batch, bool shapes_do);
  virtual ~GraphWriter() = default;
  GraphWriter(const GraphWriter&) = delete;
  GraphWriter& operator=(const GraphWriter&) = delete;

  std::string run();  // the file's bytes

 protected:
  using Integers = std::vector<std::int64_t>;

  // The node and what hangs on it, from the values that it reads to the one it makes.
  virtual void write(const Node& node) = 0;
  virtual void begin() {}  // in front of all nodes

  const Graph& graph() const { return graph_; }
  const std::string& name(ValueId id) const { return names_[static_cast<std::size_t>(id)]; }
  std::string fresh(std::string name);  // that nothing in the file has
  // An entry of the model's metadata, which viewers show and runtimes ignore.
  void fact(const std::string& key, const std::string& value);

  onnx::NodeProto& node(const char* op, const std::string& name, const std::vector<std::string>& inputs,
                        const std::string& output);
  static void set(onnx::NodeProto& proto, const char* name, std::int64_t value);
  static void set(onnx::NodeProto& proto, const char* name, float value);
  static void set(onnx::NodeProto& proto, const char* name, const Integers& values);

  // Constants; all return their name.
  template <class T>
  std::string initializer(const std::string& name, const Shape& shape, const std::vector<T>& data) {
    auto& tensor = *out().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type_of(T{}));
    for (const std::int64_t extent : shape) tensor.add_dims(extent);
    tensor.set_raw_data(std::string(reinterpret_cast<const char*>(data.data()), data.size() * sizeof(T)));
    return name;
  }
  std::string constant(const std::string& name, const Tensor& t) { return initializer(name, t.shape, t.data); }
  template <class T>
  std::string scalar(const std::string& name, T value) {
    return initializer(name, {}, std::vector<T>{value});
  }

  // A conv or linear layer of these parameters (bias: empty where there is none). ONNX has linear layers on vectors
  // alone; on other values they are products of matrices, whose weights come as [K][O].
  bool multiplies_matrices(const Node& layer) const;
  void write_layer(const Node& layer, const std::string& input, const std::string& weight, const std::string& bias,
                   const std::string& output);
  template <class T>
  static std::vector<T> transposed(const std::vector<T>& weight, std::int64_t outputs) {
    std::vector<T> result(weight.size());
    const std::size_t o_count = static_cast<std::size_t>(outputs), k_count = o_count == 0 ? 0 : weight.size() / o_count;
    for (std::size_t o = 0; o < o_count; ++o) {
      for (std::size_t k = 0; k < k_count; ++k) result[k * o_count + o] = weight[o * k_count + k];
    }
    return result;
  }
  // Any other operator, without its clamp.
  void write_operator(const Node& node, std::vector<std::string> inputs, const std::string& output);
  static bool is_clamped(const Node& node);
  // As is_clamped says it has one.
  void write_clamp(const Node& node, const std::string& input, const std::string& output);

 private:
  static int type_of(float) { return onnx::TensorProto::FLOAT; }
  static int type_of(std::int8_t) { return onnx::TensorProto::INT8; }
  static int type_of(std::uint8_t) { return onnx::TensorProto::UINT8; }
  static int type_of(std::int32_t) { return onnx::TensorProto::INT32; }
  static int type_of(std::int64_t) { return onnx::TensorProto::INT64; }

  onnx::GraphProto& out() { return *model_.mutable_graph(); }
  void name_values();
  void describe(onnx::ValueInfoProto& info, ValueId id, std::int64_t batch);
  static void window(onnx::NodeProto& proto, const Node& node);

  const Graph& graph_;
  onnx::ModelProto model_;
  std::vector<std::string> names_;  // by value
  std::set<std::string> used_;
};

}  // namespace bitsieve
