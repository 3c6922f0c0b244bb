// Skeleton of a weight code: from float weights to int8 integers and a scale per filter. To add yours, put the function
// into a folder of src/methods/ and its row into the table of src/methods/methods.cc.
//
// This one keeps signs only: every weight is plus or minus the filter's mean magnitude.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "methods/methods.h"

namespace {

// w: [outputs][k], in the K order kernel row, kernel column, input channel.
bitsieve::uniform::QuantizedWeights binary(const float* w, std::int64_t outputs, std::int64_t k) {
  bitsieve::uniform::QuantizedWeights result;
  for (std::int64_t o = 0; o < outputs; ++o) {
    double sum = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      sum += std::abs(w[o * k + i]);
      result.q.push_back(w[o * k + i] < 0 ? -1 : 1);
    }
    result.scale.push_back(sum > 0 ? static_cast<float>(sum / static_cast<double>(k)) : 1.0f);  // always positive
  }
  return result;
}

}  // namespace

int main() {
  const bitsieve::WeightCodeRow row{"binary", "signs and a mean magnitude per filter", 1, binary};
  const float w[] = {1, -3, 0.5f, 0.5f};
  const auto q = row.quantize(w, 2, 2);
  const bool right = q.q == std::vector<std::int8_t>{1, -1, 1, 1} && q.scale == std::vector<float>{2, 0.5f};
  std::printf("%s: %s\n", row.name.c_str(), right ? "ok" : "wrong");
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
