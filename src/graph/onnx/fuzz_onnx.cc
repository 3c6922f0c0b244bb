// libFuzzer target: any bytes are an Error or a graph that stays valid through the passes. Built with
// -DBITSIEVE_FUZZ=ON; tools/fuzz.sh runs it on the files of tests/fuzz/onnx.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Small limits: what is allowed here fits the fuzzer's own memory limit many times.
  constexpr bitsieve::OnnxLimits limits{std::uint64_t{16} << 20, std::uint64_t{64} << 20};
  bitsieve::Graph graph;
  try {
    graph = bitsieve::parse_onnx({reinterpret_cast<const char*>(data), size}, "fuzz", limits);
  } catch (const bitsieve::Error&) {
    return 0;
  }
  // Past this point an Error ends the run: the reader promised a valid graph, the passes keep it valid. The one thing
  // they may meet is that folding a batch norm leaves the range of float32.
  bitsieve::fuse_activations(graph);
  bitsieve::remove_dead(graph);
  bitsieve::validate(graph);
  try {
    bitsieve::fold_batch_norms(graph);
  } catch (const bitsieve::Error&) {
    return 0;
  }
  bitsieve::fuse_activations(graph);
  bitsieve::remove_dead(graph);
  bitsieve::validate(graph);
  for (const bitsieve::Node& node : graph.nodes) bitsieve::macs(graph, node);
  return 0;
}
