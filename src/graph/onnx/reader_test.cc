// The reader on the embedded network, whole, truncated and damaged.
#include "graph/onnx/reader.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "base/files.h"
#include "graph/passes/passes.h"

namespace bitsieve {
namespace {

const std::string model_path = BITSIEVE_MODELS "/fashion-resnet14.onnx";

std::string message_of(const std::string& bytes) {
  try {
    parse_onnx(bytes, "x.onnx");
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

TEST(OnnxReader, EmbeddedNetwork) {
  Graph graph = load_onnx(model_path);
  EXPECT_EQ(graph.shape(graph.input), (Shape{1, 28, 28}));
  EXPECT_EQ(graph.shape(graph.output), (Shape{10}));
  std::int64_t total = 0;
  for (const Node& node : graph.nodes) total += macs(graph, node);
  EXPECT_EQ(total, 20183936);
}

TEST(OnnxReader, PassesLeaveAValidGraph) {
  Graph graph = load_onnx(model_path);
  fold_batch_norms(graph);
  fuse_activations(graph);
  remove_dead(graph);
  validate(graph);
  for (const Node& node : graph.nodes) {
    EXPECT_NE(node.op, Op::batch_norm);
    EXPECT_NE(node.op, Op::relu);
  }
  // Stem, 12 convolutions in blocks, 2 shortcuts; 6 additions; mean; classifier.
  EXPECT_EQ(graph.nodes.size(), 15u + 6 + 1 + 1);
}

TEST(OnnxReader, ErrorsForWhatIsNotAModel) {
  EXPECT_EQ(message_of(""), "'x.onnx' is not an ONNX file, or it is truncated");
  EXPECT_EQ(message_of("certainly not a model"), "'x.onnx' is not an ONNX file, or it is truncated");
}

TEST(OnnxReader, TruncationIsAlwaysAnError) {
  const std::string whole = read_file(model_path);
  for (std::size_t length = 0; length < whole.size(); length += length < 4096 ? 7 : 9973) {
    EXPECT_NE(message_of(whole.substr(0, length)), "(no error)") << length;
  }
}

TEST(OnnxReader, DamageNeverCrashes) {
  const std::string whole = read_file(model_path);
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string bytes = whole;
    // Structure sits at both ends of the file; the middle is weights.
    for (int i = 0; i < 8; ++i) {
      const std::size_t at = random() % 8192;
      bytes[random() % 2 ? at : bytes.size() - 1 - at] = static_cast<char>(random());
    }
    message_of(bytes);
  }
}

}  // namespace
}  // namespace bitsieve
