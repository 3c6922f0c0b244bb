// For the runtime's tests: a network gives the bits of the plain executor on every instruction set of this machine, for
// one, two and five threads.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/executor.h"
#include "runtime/reference/ops.h"
#include "runtime/test_graph.h"

namespace bitsieve::test {

inline std::vector<Isa> isas_here() {
  std::vector<Isa> all;
  for (const Isa isa : isas()) {
    if (isa_supported(isa)) all.push_back(isa);
  }
  return all;
}

// All values of a run, one after the other.
inline std::vector<std::uint8_t> trace(const QuantizedModel& model, const Executor& executor,
                                       std::span<const float> image, Executor::Workspace& workspace) {
  std::vector<std::uint8_t> bytes;
  std::vector<float> scores;
  executor.run(image, workspace, scores, [&](ValueId id, const void* data) {
    const auto* from = static_cast<const std::uint8_t*>(data);
    bytes.insert(bytes.end(), from, from + value_bytes(model, id));
  });
  const auto* from = reinterpret_cast<const std::uint8_t*>(scores.data());
  bytes.insert(bytes.end(), from, from + scores.size() * sizeof(float));
  return bytes;
}

inline void expect_all_equal(const Builder& built, const std::string& what) {
  const QuantizedModel& model = built.model;
  const std::vector<float> image = built.image();
  const Executor plain(model, true);
  Executor::Workspace own;
  const auto wanted = trace(model, plain, image, own);
  for (const Isa isa : isas_here()) {
    for (const int threads : {1, 2, 5}) {
      const Executor fast(model, ExecutorOptions{false, isa, threads});
      Executor::Workspace workspace;
      for (int round = 0; round < 2; ++round) {  // the second image meets used memory
        ASSERT_EQ(trace(model, fast, image, workspace), wanted)
            << what << ", " << isa_name(isa) << ", " << threads << " threads, " << fast.kernel(0);
      }
    }
  }
}

}  // namespace bitsieve::test
