// Cycles beside those of other tools and of the specification: expected, measured, deviation are printed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <numeric>

#include "accel/machines.h"
#include "accel/mapping.h"
#include "accel/test_compare.h"
#include "accel/testdata/scalesim.h"
#include "accel/topology.h"
#include "base/files.h"
#include "tensor/npy.h"

namespace bitsieve::accel {
namespace {

using test::compare;

// As SCALE-Sim: folds are waited for as if they were whole, and what leaves the array is not counted.
Parameters as_scalesim(const char* machine, std::int64_t size) {
  Parameters p = require_machine(machine).defaults;
  p.rows = p.columns = size;
  p.drain = Drain::none;
  p.partial = Partial::full;
  return p;
}

void compare_all(const char* machine, std::int64_t size, const char* topology,
                 const std::vector<std::int64_t>& reported) {
  const std::vector<Layer> layers = parse_topology(topology, "topology");
  ASSERT_EQ(layers.size(), reported.size());
  const Parameters p = as_scalesim(machine, size);
  for (std::size_t i = 0; i < layers.size(); ++i)
    compare(fmt::format("{} {} {}", machine, size, layers[i].name), reported[i] + 1,
            require_machine(machine).time(layers[i], p).cycles);
}

TEST(ScaleSim, OutputStationaryOnAllLayers) {
  compare_all("systolic-os", 16, scalesim::resnet18, scalesim::os_16);
  compare_all("systolic-os", 32, scalesim::resnet18, scalesim::os_32);
  compare_all("systolic-os", 32, scalesim::four_layers, scalesim::four_os_32);
}

TEST(ScaleSim, WeightAndInputStationary) {
  compare_all("systolic-ws", 32, scalesim::four_layers, scalesim::four_ws_32);
  compare_all("systolic-is", 32, scalesim::four_layers, scalesim::four_is_32);
}

std::int64_t cycles_of_padded(const char* machine, Drain drain, int weight_bits) {
  Parameters p = require_machine(machine).defaults;
  p.rows = p.columns = 8;
  p.drain = drain;
  p.partial = Partial::full;
  std::int64_t sum = 0;
  // Groups of four that share weight_bits - 1 shifts, as SWIS has them; the others have numbers of so many bits.
  const bool shared = std::string(machine).starts_with("swis-");
  for (Layer layer : parse_topology(scalesim::resnet18_padded, "padded")) {
    layer.weight_bits = shared ? 8 : weight_bits;
    LayerCode code;
    code.shifts.group = 4;
    code.shifts.run = layer.channels;
    code.shifts.shifts = {static_cast<std::uint8_t>(weight_bits - 1)};
    if (shared) layer.code = &code;
    sum += require_machine(machine).time(layer, p).cycles;
  }
  return sum;
}

std::vector<std::int8_t> numbers(const std::string& name) {
  const std::string path = std::string(BITSIEVE_ACCEL_TESTDATA) + "/dnnsim/" + name + ".npy";
  const Tensor tensor = parse_npy(read_file(path, 1 << 20), path);
  std::vector<std::int8_t> result;
  for (const float v : tensor.data) result.push_back(static_cast<std::int8_t>(v));
  return result;
}

// DNNsim's compute cycles with 16 lanes, 16 columns, 16 rows and one tile, values of 16 bits.
TEST(DnnSim, TinyNetwork) {
  const struct {
    const char* name;
    std::int64_t size, channels, filters, kernel;
    std::int64_t dadiannao, stripes, pragmatic, laconic;
  } rows[] = {{"conv1", 16, 16, 32, 3, 288, 4608, 1392, 6507},
              {"conv2", 16, 32, 64, 3, 1152, 18432, 5556, 25493},
              {"fc1", 1, 256, 64, 1, 64, 79, 67, 99}};
  for (const auto& row : rows) {
    const std::vector<std::int8_t> values = numbers(std::string("act-") + row.name),
                                   weights = numbers(std::string("wgt-") + row.name);
    const std::vector<std::uint8_t> input(values.begin(), values.end());
    Layer layer;
    layer.name = row.name;
    layer.pixels = row.size * row.size;
    layer.filters = row.filters;
    layer.taps = row.kernel * row.kernel;
    layer.channels = row.channels;
    layer.image = {row.size, row.size};
    layer.window.kernel = {row.kernel, row.kernel};
    layer.window.pad_before = layer.window.pad_after = {row.kernel / 2, row.kernel / 2};
    layer.input_values = static_cast<std::int64_t>(input.size());
    layer.output_values = layer.pixels * layer.filters;
    layer.input = input;
    layer.weights = weights;
    const auto cycles = [&](const char* machine) {
      return require_machine(machine).time(layer, require_machine(machine).defaults).cycles;
    };
    const auto what = [&](const char* machine) { return fmt::format("{} {}", machine, row.name); };
    layer.activation_bits = 16;
    compare(what("stripes"), row.stripes, cycles("stripes"));
    layer.activation_bits = 1;  // a machine that takes all bits at once
    compare(what("DaDianNao"), row.dadiannao, cycles("stripes"));
    compare(what("bit-pragmatic"), row.pragmatic, cycles("bit-pragmatic"));
    compare(what("laconic"), row.laconic, cycles("laconic"));
  }
}

// Specification of SWIS, C.4: ResNet-18 at 224, 8 x 8, groups of 4.
TEST(SpecificationOfSwis, ReferenceCounts) {
  const struct {
    const char *what, *machine;
    int weight_bits;  // one more than shifts
    std::int64_t overlapped, one_by_one;
  } rows[] = {{"8-bit parallel", "systolic-os", 8, 29449766, 29999574},
              {"weight-serial, 8 bits", "weight-serial", 9, 60128550, 60678358},
              {"weight-serial, 7 bits", "weight-serial", 8, 52612518, 53162326},
              {"single shift, N=4", "swis-single", 5, 30064422, 30614230},
              {"single shift, N=3", "swis-single", 4, 22548390, 23098198},
              {"single shift, N=2", "swis-single", 3, 15032358, 15582166},
              {"double shift, N=4", "swis-double", 5, 15032358, 15582166},
              {"double shift, N=2", "swis-double", 3, 7516326, 8066134}};
  for (const auto& row : rows) {
    compare(fmt::format("{}, overlapped", row.what), row.overlapped,
            cycles_of_padded(row.machine, Drain::overlapped, row.weight_bits));
    compare(fmt::format("{}, one by one", row.what), row.one_by_one,
            cycles_of_padded(row.machine, Drain::none, row.weight_bits));
  }
}

// One layer of C.4: 64 channels to 64, 3 x 3, 56 x 56, three shifts.
TEST(SpecificationOfSwis, OneLayer) {
  Layer layer;
  layer.pixels = 56 * 56;
  layer.filters = layer.channels = 64;
  layer.taps = 9;
  layer.weight_bits = 4;
  Parameters p = require_machine("swis-single").defaults;
  p.partial = Partial::full;
  EXPECT_EQ(lane_groups(layer, p.lanes), 144);
  compare("64 to 64, overlapped", 1354766, require_machine("swis-single").time(layer, p).cycles);
  p.drain = Drain::none;
  compare("64 to 64, one by one", 1398656, require_machine("swis-single").time(layer, p).cycles);
}

}  // namespace
}  // namespace bitsieve::accel
