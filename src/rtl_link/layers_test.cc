// Layers of the embedded network with the values of a real image, on 8 x 8 arrays in gates: the sums are the
// network's to the last bit, and the cycles those of `bitsieve simulate`.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>

#include "accel/machines.h"
#include "base/files.h"
#include "compress/pipeline.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "eval/trace.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "quant/requantize.h"
#include "rtl_link/array_layers.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace bitsieve::rtl {
namespace {

class RealLayers : public testing::Test {
 protected:
  static constexpr std::int64_t calibration_images = 32;

  static void SetUpTestSuite() {
    const std::string base = std::string(BITSIEVE_MODELS) + "/fashion-resnet14";
    graph = load_onnx(base + ".onnx");
    fold_batch_norms(graph);
    fuse_activations(graph);
    remove_dead(graph);
    preprocessing = parse_preprocessing(read_file(base + ".toml", 1 << 20), base + ".toml");
    images = open_dataset("fashion-mnist:/usr/share/datasets/fashion-mnist:test", false);
    calibration = calibrate(float_model(graph), calibration_images, 0, image);
  }
  static void TearDownTestSuite() { images.reset(); }

  static void image(std::int64_t i, std::span<float> out) { preprocess(images->image(i), preprocessing, out.data()); }

  static QuantizedModel quantized(const std::string& weights, const std::string& activations) {
    Recipe recipe;
    recipe.name = "test";
    recipe.layers = {weights, activations};
    CompressInput input;
    input.graph = &graph;
    input.calibration = &calibration;
    input.image = input.training_image = image;
    input.images = calibration_images;
    return compress(input, recipe).model;
  }

  static inline Graph graph;
  static inline Preprocessing preprocessing;
  static inline std::unique_ptr<Dataset> images;
  static inline Calibration calibration;
};

// The layer as a product, windows in K order, output rows first.
Product product_of(const accel::Layer& layer, const Shape& output, const std::uint8_t* values) {
  Product p{layer.pixels, layer.filters, layer.depth(), {}, {layer.weights.begin(), layer.weights.end()}};
  const Window& w = layer.window;
  const std::int64_t columns = output.size() == 3 ? output[2] : 1;
  for (std::int64_t pixel = 0; pixel < layer.pixels; ++pixel) {
    for (std::int64_t tap = 0; tap < layer.taps; ++tap) {
      const std::int64_t row = pixel / columns * w.stride[0] - w.pad_before[0] + tap / w.kernel[1] * w.dilation[0];
      const std::int64_t column = pixel % columns * w.stride[1] - w.pad_before[1] + tap % w.kernel[1] * w.dilation[1];
      const bool inside = row >= 0 && row < layer.image[0] && column >= 0 && column < layer.image[1];
      for (std::int64_t c = 0; c < layer.channels; ++c)
        p.x.push_back(inside ? values[(row * layer.image[1] + column) * layer.channels + c] : std::uint8_t{0});
    }
  }
  return p;
}

// An 8-bit value beside a zero goes through both lanes whole.
Product with_zeros_between(const Product& p) {
  Product wide{p.pixels, p.filters, 2 * p.depth, {}, {}};
  for (const std::uint8_t x : p.x) wide.x.insert(wide.x.end(), {x, 0});
  for (const std::int8_t w : p.w) wide.w.insert(wide.w.end(), {w, 0});
  return wide;
}

// Of the network itself: the executor's output of the layer, from the array's sums.
void expect_outputs(const QuantizedModel& model, std::size_t node, const LayerRun& run, const void* output) {
  const LayerCode& code = model.layers[node];
  const auto filters = code.bias.size();
  const ValueId id = model.graph.nodes[node].output;
  const DType type = model.values[static_cast<std::size_t>(id)].type;
  for (std::size_t i = 0; i < run.sums.size(); ++i) {
    const std::size_t f = i % filters;
    if (type == DType::f32) {  // logits
      ASSERT_EQ(static_cast<const float*>(output)[i],
                static_cast<float>(run.sums[i] + code.bias[f]) * code.multiplier[f]);
      continue;
    }
    const std::int32_t expected = requantize(run.sums[i] + code.bias[f], code.multiplier[f], code.lo, code.hi);
    const auto byte = static_cast<const std::uint8_t*>(output)[i];
    ASSERT_EQ(type == DType::u8 ? byte : static_cast<std::int8_t>(byte), expected) << "output " << i;
  }
}

accel::Parameters parameters_of(const char* machine, const Form& form, std::int64_t lanes) {
  accel::Parameters p = accel::require_machine(machine).defaults;
  p.rows = form.rows;
  p.columns = form.columns;
  p.lanes = lanes;
  p.drain = form.overlapped ? accel::Drain::overlapped : accel::Drain::serial;
  p.partial = accel::Partial::exact;
  return p;
}

void expect_cycles(const accel::Layer& layer, const char* machine, const Form& form, std::int64_t lanes,
                   std::int64_t measured) {
  const std::int64_t expected = accel::require_machine(machine).time(layer, parameters_of(machine, form, lanes)).cycles;
  std::printf("%-15s %-10s %-28s expected %lld, measured %lld, deviation %lld\n", machine,
              form.overlapped ? "overlapped" : "serial", layer.name.c_str(), static_cast<long long>(expected),
              static_cast<long long>(measured), static_cast<long long>(measured - expected));
  EXPECT_EQ(measured, expected) << layer.name;
}

// Calls use(node, layer, product) for every layer whose input is unsigned and whose output is 8 bits: signed
// activations have no array here.
template <class Use>
int each_layer(const QuantizedModel& model, std::span<const float> picture, Use&& use) {
  Trace trace(model);
  trace.run(node_runners(model, true), picture);
  const std::vector<accel::Layer> layers = accel::layers_of(model);
  int used = 0;
  for (std::size_t node = 0, i = 0; node < model.graph.nodes.size(); ++node) {
    const Node& n = model.graph.nodes[node];
    if (!has_weights(n)) continue;
    const accel::Layer& layer = layers[i++];
    if (layer.signed_input || layer.groups > 1) continue;
    ++used;
    use(node, layer,
        product_of(layer, model.graph.shape(n.output), static_cast<const std::uint8_t*>(trace.value(n.inputs[0]))),
        trace.value(n.output));
  }
  return used;
}

TEST_F(RealLayers, OnSparqSystolic) {
  const QuantizedModel model = quantized("int8", "sparq-5opt-round");
  std::vector<float> picture(static_cast<std::size_t>(element_count(graph.shape(graph.input))));
  image(7, picture);
  Clocked<Vsparq_systolic_bench> design;
  int windows = 0;  // the others are the 8-bit classifier
  const int layers = each_layer(
      model, picture, [&](std::size_t node, const accel::Layer& layer, const Product& p, const void* output) {
        windows += layer.windows ? 1 : 0;
        for (const Form& form : {forms[3], forms[7]}) {
          const LayerRun run = run_sparq(design, form, layer.windows ? p : with_zeros_between(p));
          expect_outputs(model, node, run, output);
          expect_cycles(layer, "sparq-systolic", form, 2, run.cycles);
        }
      });
  EXPECT_GE(windows, 10);
  EXPECT_GT(layers, windows);
}

TEST_F(RealLayers, OnSwisSingle) {
  std::vector<float> picture(static_cast<std::size_t>(element_count(graph.shape(graph.input))));
  image(8, picture);
  Clocked<Vswis_single_bench> design;
  // The same number of shifts for all filters, and blocks of eight filters that have their own and an order.
  for (const char* const weights : {"swis-n3-m4", "swis-n2.5-m4-c8"}) {
    const QuantizedModel model = quantized(weights, "int8");
    int shared = 0;
    each_layer(model, picture, [&](std::size_t node, const accel::Layer& layer, const Product& p, const void* output) {
      const SharedShifts& code = model.layers[node].shifts;
      if (!code.active()) return;
      ++shared;
      const auto groups = static_cast<std::size_t>(groups_of_filter(code, p.depth));
      // In the order in which filters run.
      Product ordered = p;
      SwisGroups sets{code.run, {}};
      std::vector<std::size_t> order;
      for (std::size_t i = 0; i < static_cast<std::size_t>(p.filters); ++i) {
        const std::size_t f = code.filter.empty() ? i : code.filter[i];
        order.push_back(f);
        for (std::size_t k = 0; k < static_cast<std::size_t>(p.depth); ++k)
          ordered.w[i * static_cast<std::size_t>(p.depth) + k] = p.w[f * static_cast<std::size_t>(p.depth) + k];
        for (std::size_t g = 0; g < groups; ++g) sets.set.push_back(code.set[f * groups + g]);
      }
      for (const Form& form : {forms[3], forms[7]}) {
        LayerRun run = run_swis(design, form, ordered, sets);
        const std::vector<std::int32_t> sums = run.sums;
        for (std::size_t i = 0; i < sums.size(); ++i)
          run.sums[i / order.size() * order.size() + order[i % order.size()]] = sums[i];
        expect_outputs(model, node, run, output);
        expect_cycles(layer, "swis-single", form, 4, run.cycles);
      }
    });
    EXPECT_GE(shared, 10) << weights;
  }
}

}  // namespace
}  // namespace bitsieve::rtl
