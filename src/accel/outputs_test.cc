// Every machine computes the network's own sums, whatever the layer, in as many cycles as it counts: expected here are
// plain sums of products.
#include "accel/outputs.h"

#include <gtest/gtest.h>

#include <bit>
#include <memory>
#include <numeric>
#include <random>

#include "accel/machines.h"
#include "accel/test_compare.h"
#include "base/error.h"

namespace bitsieve::accel {
namespace {

// A layer, and what keeps its numbers.
struct Case {
  std::string name;
  Layer layer;
  LayerCode code;
  std::vector<std::uint8_t> input;
};

struct Shape {
  std::int64_t rows = 5, columns = 6, channels = 6, groups = 1, filters = 4;
  Window window{.kernel = {3, 3}, .pad_before = {1, 1}, .pad_after = {1, 1}};
};

std::unique_ptr<Case> make(const std::string& name, const Shape& s, bool is_signed = false) {
  auto c = std::make_unique<Case>();
  std::mt19937 random(std::accumulate(name.begin(), name.end(), 0u));  // another for another case
  c->name = name;
  Layer& layer = c->layer;
  layer.name = name;
  layer.window = s.window;
  layer.image = {s.rows, s.columns};
  layer.taps = s.window.kernel[0] * s.window.kernel[1];
  layer.channels = s.channels;
  layer.groups = s.groups;
  layer.filters = s.filters;
  std::int64_t pixels = 1;
  for (std::size_t axis = 0; axis < 2; ++axis)
    pixels *= (layer.image[axis] + s.window.pad_before[axis] + s.window.pad_after[axis] -
               s.window.dilation[axis] * (s.window.kernel[axis] - 1) - 1) /
                  s.window.stride[axis] +
              1;
  layer.pixels = pixels;
  layer.input_values = s.rows * s.columns * s.channels * s.groups;
  layer.output_values = pixels * s.filters;
  layer.signed_input = is_signed;
  // Half of the values are zero, as behind a ReLU, so that windows have lone partners.
  for (std::int64_t i = 0; i < layer.input_values; ++i) {
    const int value = random() % 2 == 0 ? 0 : static_cast<int>(random() % 256);
    c->input.push_back(static_cast<std::uint8_t>(is_signed ? (value == 128 ? 0 : value) : value));
  }
  for (std::int64_t i = 0; i < layer.filters * layer.depth(); ++i)
    c->code.weight.edit().push_back(static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127));
  c->code.integer = true;
  c->code.weight_bits = 8;
  layer.code = &c->code;
  layer.weights = c->code.weight;
  layer.input = c->input;
  layer.weight_bytes = 1;
  return c;
}

// Windows of n bits at shifts 0, step, 2 step ...: trimmed, by the definition (specification of SPARQ, A.3).
std::uint8_t trimmed(int x, int bits, int step) {
  int shift = 0;
  while (x >> shift >= 1 << bits) shift += step;
  return static_cast<std::uint8_t>(x >> shift << shift);
}

void set_windows(Case& c, int bits, int step, bool paired, bool kept) {
  ActivationTransform& t = c.code.transform;
  t.active = true;
  t.paired = paired;
  t.two_of_four = kept;
  for (int x = 0; x < (c.layer.signed_input ? 128 : 256); ++x) {
    const auto at = static_cast<std::size_t>(x), minus = static_cast<std::size_t>(256 - x) % 256;
    t.pair[at] = trimmed(x, bits, step);
    t.lone[at] = paired ? trimmed(x, 2 * bits, 1) : t.pair[at];
    if (!c.layer.signed_input) continue;
    t.pair[minus] = static_cast<std::uint8_t>(-t.pair[at]);
    t.lone[minus] = static_cast<std::uint8_t>(-t.lone[at]);
  }
  if (c.layer.signed_input) {  // not a value of the network's
    t.pair[128] = t.pair[129];
    t.lone[128] = t.lone[129];
  }
  c.layer.windows = true;
  c.layer.windows_of_kept = kept;
  c.layer.activation_bits = bits + (c.layer.signed_input ? 1 : 0);
}

void keep_two_of_four(Case& c) {
  const std::int64_t depth = c.layer.depth();
  std::mt19937 random(7);
  for (std::int64_t f = 0; f < c.layer.filters; ++f) {
    for (std::int64_t k = 0; k < depth; k += 4) {
      const auto a = static_cast<std::int64_t>(random() % 4), b = static_cast<std::int64_t>(random() % 4);
      for (std::int64_t i = 0; i < 4 && k + i < depth; ++i) {
        if (i != a && i != b) c.code.weight.edit()[static_cast<std::size_t>(f * depth + k + i)] = 0;
      }
    }
  }
}

// Positions for groups of four, and weights that are sums of them.
void share_shifts(Case& c, int shifts, bool consecutive) {
  SharedShifts& code = c.code.shifts;
  code.group = 4;
  code.run = c.layer.channels;
  code.consecutive = consecutive;
  code.shifts = {static_cast<std::uint8_t>(shifts)};
  const std::int64_t depth = c.layer.depth(), groups = groups_of_filter(code, depth);
  std::mt19937 random(3);
  for (std::int64_t i = 0; i < c.layer.filters * groups; ++i) {
    unsigned set = ((1u << shifts) - 1) << random() % static_cast<unsigned>(9 - shifts);
    while (!consecutive && (std::popcount(set) != shifts || random() % 8 != 0)) set = random() % 256;
    code.set.push_back(static_cast<std::uint8_t>(set));
  }
  for (std::int64_t f = 0; f < c.layer.filters; ++f) {
    for (std::int64_t k = 0; k < depth; ++k) {
      const int magnitude = static_cast<int>(random()) & code.set[group_of_weight(code, depth, f, k)];
      const bool negative = magnitude >= 128 || random() % 2 == 0;
      c.code.weight.edit()[static_cast<std::size_t>(f * depth + k)] = static_cast<std::int8_t>(magnitude > 128 ? 0
                                                                                               : negative ? -magnitude
                                                                                                          : magnitude);
    }
  }
}

std::vector<std::unique_ptr<Case>> cases() {
  std::vector<std::unique_ptr<Case>> all;
  all.push_back(make("8 bits", {}));
  all.push_back(make("signed", {}, true));
  Shape far;
  far.window.stride = {2, 1};
  far.window.dilation = {1, 2};
  far.window.pad_before = {0, 2};
  all.push_back(make("stride and dilation", far));
  all.push_back(make("grouped", {.channels = 3, .groups = 2}));
  all.push_back(make("depthwise", {.channels = 1, .groups = 5, .filters = 5}));
  all.push_back(make("vector", {.rows = 1, .columns = 1, .channels = 37, .window = {}}));
  const struct {
    const char* name;
    int bits, step;
    bool paired, kept, is_signed;
  } windows[] = {{"5opt", 4, 1, true, false, false},
                 {"3opt alone", 4, 2, false, false, false},
                 {"2opt", 4, 4, true, false, false},
                 {"6opt", 3, 1, true, false, false},
                 {"7opt", 2, 1, true, false, false},
                 {"5opt signed", 4, 1, true, false, true},
                 {"3opt signed alone", 4, 2, false, false, true},
                 {"5opt of kept", 4, 1, true, true, false},
                 {"5opt of kept signed", 4, 1, true, true, true}};
  for (const auto& w : windows) {
    all.push_back(make(w.name, {}, w.is_signed));
    if (w.kept) keep_two_of_four(*all.back());
    set_windows(*all.back(), w.bits, w.step, w.paired, w.kept);
  }
  all.push_back(make("two of four", {}));
  keep_two_of_four(*all.back());
  all.push_back(make("uniform 4 bits", {}));
  for (std::uint8_t& v : all.back()->input) v = v % 16;
  all.back()->layer.activation_bits = 4;
  all.back()->layer.activation_step = 17;
  all.push_back(make("SWIS", {}));
  share_shifts(*all.back(), 3, false);
  all.push_back(make("SWIS-C", {}));
  share_shifts(*all.back(), 2, true);
  all.push_back(make("4-bit weights", {}));
  for (std::int8_t& w : all.back()->code.weight.edit()) w = static_cast<std::int8_t>(w % 8);
  all.back()->layer.weight_bits = 4;
  for (auto& c : all) c->layer.weights = c->code.weight;
  return all;
}

// By the definition, with the tables of the code.
std::int32_t expected(const Case& c, std::int64_t output) {
  const Layer& layer = c.layer;
  const Window& w = layer.window;
  const std::int64_t columns =
      (layer.image[1] + w.pad_before[1] + w.pad_after[1] - w.dilation[1] * (w.kernel[1] - 1) - 1) / w.stride[1] + 1;
  const std::int64_t pixel = output / layer.filters, filter = output % layer.filters,
                     group = filter / layer.filters_of_group(), depth = layer.depth();
  std::vector<std::uint8_t> x;
  for (std::int64_t r = 0; r < w.kernel[0]; ++r) {
    for (std::int64_t q = 0; q < w.kernel[1]; ++q) {
      const std::int64_t row = pixel / columns * w.stride[0] + r * w.dilation[0] - w.pad_before[0],
                         column = pixel % columns * w.stride[1] + q * w.dilation[1] - w.pad_before[1];
      for (std::int64_t ch = 0; ch < layer.channels; ++ch)
        x.push_back(row < 0 || column < 0 || row >= layer.image[0] || column >= layer.image[1]
                        ? 0
                        : c.input[static_cast<std::size_t>(
                              ((row * layer.image[1] + column) * layer.groups + group) * layer.channels + ch)]);
    }
  }
  const auto weight = [&](std::size_t k) { return c.code.weight[static_cast<std::size_t>(filter * depth) + k]; };
  const ActivationTransform& t = c.code.transform;
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    std::uint8_t partner = 0;
    if (t.two_of_four) {
      for (std::size_t i = k / 4 * 4; i < std::min(k / 4 * 4 + 4, x.size()); ++i) {
        if (i != k && weight(i) != 0) partner = x[i];
      }
    } else if ((k ^ 1) < x.size()) {
      partner = x[k ^ 1];
    }
    const std::uint8_t pattern = !t.active ? x[k] : t.paired && partner == 0 ? t.lone[x[k]] : t.pair[x[k]];
    const int value = layer.signed_input ? static_cast<std::int8_t>(pattern) : static_cast<int>(pattern);
    sum += value * weight(k);
  }
  return sum * layer.activation_step;
}

TEST(Outputs, AreTheNetworksOnEveryMachine) {
  std::int64_t compared = 0;
  for (const std::unique_ptr<Case>& c : cases()) {
    std::vector<std::int64_t> outputs(static_cast<std::size_t>(c->layer.output_values));
    std::iota(outputs.begin(), outputs.end(), 0);
    for (const Machine& machine : machines()) {
      std::vector<Output> made;
      Timing timing;
      std::string refusal;
      try {
        require_runnable(machine, c->layer);
        timing = machine.time(c->layer, machine.defaults);
        made = outputs_of(c->layer, machine.defaults, outputs);
      } catch (const Error& e) {
        refusal = e.what();
      }
      // What cannot be computed has no time either.
      const bool coded = c->code.shifts.active();
      const bool refused = (c->layer.windows_of_kept && machine.name != "sparq-sparse-dot-product") ||
                           (machine.name == "swis-c" && coded && !c->code.shifts.consecutive);
      EXPECT_EQ(!refusal.empty(), refused) << machine.name << " " << c->name << " " << refusal;
      EXPECT_EQ(timing.cycles > 0, !refused);
      if (!refusal.empty()) continue;
      std::int64_t total = 0, reference = 0;
      for (const std::int64_t o : outputs) {
        const std::int32_t wanted = expected(*c, o);
        ASSERT_EQ(made[static_cast<std::size_t>(o)].sum, wanted) << machine.name << " " << c->name << " " << o;
        total += made[static_cast<std::size_t>(o)].sum;
        reference += wanted;
        ++compared;
      }
      const std::string what = fmt::format("{}, {}: ", machine.name, c->name);
      test::compare(fmt::format("{}sum of {} outputs", what, outputs.size()), static_cast<double>(reference),
                    static_cast<double>(total));
      // The work that is counted is that of the outputs. Dot products count products as busy, and units by their
      // cycles.
      double cycles = 0;
      for (const Output& output : made) cycles += static_cast<double>(output.cycles);
      const std::string unit =
          "element-" + std::string(machine.name) + (machine.name.starts_with("sparq") ? "-5opt" : "");
      test::compare(what + "cycles of elements", cycles,
                    machine.name.ends_with("dot-product") ? timing.counts.at(unit) : timing.busy);
    }
  }
  std::printf("%lld sums\n", static_cast<long long>(compared));
}

}  // namespace
}  // namespace bitsieve::accel
