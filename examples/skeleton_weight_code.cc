// Skeleton of a weight code: from float weights to int8 integers and a scale per filter. To add yours, put the function
// into a folder of src/methods/ and a row with its names into the table of src/methods/methods.cc.
//
// This one keeps signs only: every weight is plus or minus the filter's mean magnitude.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "methods/methods.h"

namespace {

bitsieve::CodedWeights binary(const bitsieve::WeightInput& in) {
  bitsieve::CodedWeights result;
  result.bits = 2;  // -1 and 1 as two's complement numbers
  for (std::int64_t o = 0; o < in.outputs; ++o) {
    double sum = 0;
    for (std::int64_t i = 0; i < in.k; ++i) {
      sum += std::abs(in.w[o * in.k + i]);
      result.q.push_back(in.w[o * in.k + i] < 0 ? -1 : 1);
    }
    result.scale.push_back(sum > 0 ? static_cast<float>(sum / static_cast<double>(in.k)) : 1.0f);  // always positive
  }
  return result;
}

std::optional<bitsieve::WeightCode> find(std::string_view name) {
  if (name != "binary") return std::nullopt;
  return bitsieve::WeightCode{"binary", 2, 1, false, binary};
}

}  // namespace

int main() {
  const bitsieve::WeightCodeRow row{"binary", "signs and a mean magnitude per filter", "", {"binary"}, find};
  const float w[] = {1, -3, 0.5f, 0.5f};
  const auto q = row.find("binary")->quantize({w, 2, 2, 2});
  const bool right = q.q == std::vector<std::int8_t>{1, -1, 1, 1} && q.scale == std::vector<float>{2, 0.5f};
  std::printf("%s: %s\n", row.names.c_str(), right ? "ok" : "wrong");
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
