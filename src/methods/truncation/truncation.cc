#include "methods/truncation/truncation.h"

#include <algorithm>
#include <array>

#include "methods/names.h"
#include "methods/swis/orientation.h"
#include "methods/swis/shift_sets.h"
#include "methods/uniform/uniform.h"

namespace bitsieve::truncation {

std::optional<Options> parse_name(std::string_view name) {
  const std::vector<std::string_view> parts = parts_of(name);
  if (parts.size() < 2 || (parts[0] != "trunc" && parts[0] != "static")) return std::nullopt;
  Options o;
  o.consecutive = parts[0] == "trunc";
  const auto shifts = whole_after(parts[1], "n", 1, 8);
  if (!shifts) return std::nullopt;
  o.shifts = *shifts;
  for (std::size_t i = 2; i < parts.size(); ++i) {
    bool* flag = parts[i] == "floor" && o.consecutive ? &o.floor : parts[i] == "tensor" ? &o.per_tensor : nullptr;
    if (flag == nullptr || *flag) return std::nullopt;
    *flag = true;
  }
  return o;
}

CodedWeights quantize_weights(const WeightInput& input, const Options& options) {
  auto base =
      uniform::quantize_weights(input.w, input.outputs, input.k, 8, uniform::ScaleRule::max_code, options.per_tensor);
  swis::orient_filters(base);
  const auto rounded = [&](int w, std::uint8_t set) {
    return options.floor ? swis::masked_weight(w, set) : swis::nearest_weight(w, set);
  };
  // Sum over filters of scale^2 times how often each integer is there: all that the choice depends on.
  std::array<double, 256> power{};
  for (std::int64_t o = 0; o < input.outputs; ++o) {
    std::array<std::int64_t, 256> count{};
    for (std::int64_t i = 0; i < input.k; ++i) {
      ++count[static_cast<std::uint8_t>(base.q[static_cast<std::size_t>(o * input.k + i)])];
    }
    const double s = base.scale[static_cast<std::size_t>(o)];
    for (std::size_t w = 0; w < 256; ++w) power[w] += s * s * static_cast<double>(count[w]);
  }
  double least = INFINITY;
  CodedWeights coded;
  SharedShifts& code = coded.shifts;
  code.one_group = true;
  code.consecutive = options.consecutive;
  code.shifts = {static_cast<std::uint8_t>(options.shifts)};
  for (const std::uint8_t set : swis::sets_of(options.shifts, options.consecutive)) {
    double error = 0;
    for (int w = -127; w <= 127; ++w) {
      const int e = w - rounded(w, set);
      error += power[static_cast<std::size_t>(w & 0xff)] * (e * e);
    }
    if (error < least) {
      least = error;
      code.set = {set};
    }
  }
  coded.q = std::move(base.q);
  for (std::int8_t& w : coded.q) w = static_cast<std::int8_t>(rounded(w, code.set[0]));
  coded.scale = std::move(base.scale);
  return coded;
}

std::optional<WeightCode> weight_code(std::string_view name) {
  const std::optional<Options> options = parse_name(name);
  if (!options) return std::nullopt;
  WeightCode code;
  code.name = name;
  code.bits = 1 + options->shifts;
  code.shifts = options->shifts;
  code.quantize = [o = *options](const WeightInput& input) { return quantize_weights(input, o); };
  return code;
}

}  // namespace bitsieve::truncation
