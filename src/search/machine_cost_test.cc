// Models on machines: closed forms need no image, machines that read values get means, refusals name their reason.
#include "search/machine_cost.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "eval/test_network.h"

namespace bitsieve {
namespace {

class MachineCosts : public testing::Test {
 protected:
  MachineCosts() : network({4, 6, 6}) {
    network.conv("first", noise({8, 4, 3, 3}));
    network.conv("second", noise({4, 8, 3, 3}));
  }
  static Tensor noise(Shape shape) {
    static std::mt19937 generator(5);
    Tensor t(std::move(shape));
    for (float& x : t.data) x = std::normal_distribution<float>(0, 1)(generator);
    return t;
  }
  QuantizedModel model(const std::string& act_code = "int8", const std::string& last = "int8") const {
    return network.quantized({0.01F, 0.05F, 0}, {act_code, last});
  }
  // Values from 0 to 0.3 in the first one, to 0.6 in the second one ...
  static ImageSet images(std::int64_t count, int* read = nullptr) {
    return {count,
            [read](std::int64_t i, std::span<float> out) {
              if (read != nullptr) ++*read;
              std::mt19937 generator(static_cast<unsigned>(i));
              for (float& x : out)
                x = std::uniform_real_distribution<float>(0, 0.3F * static_cast<float>(i + 1))(generator);
            },
            {}};
  }
  static std::vector<accel::Parameters> named(const std::vector<std::string>& names) {
    std::vector<accel::Parameters> all;
    for (const std::string& name : names) all.push_back(accel::require_machine(name).defaults);
    return all;
  }

  test::TinyNetwork network;
  accel::EnergyTable table = accel::parse_energy_table(accel::energy_sets().front().toml, "own");
};

TEST_F(MachineCosts, ClosedFormsReadNoImage) {
  int read = 0;
  const QuantizedModel quantized = model();
  const auto machines = named({"systolic-os", "stripes"});
  const auto costs = machine_costs(quantized, machines, table, images(3, &read));
  EXPECT_EQ(read, 0);
  ASSERT_EQ(costs.size(), 2u);
  const auto layers = accel::layers_of(quantized);
  for (std::size_t m = 0; m < 2; ++m) {
    ASSERT_TRUE(costs[m].report) << costs[m].reason;
    const accel::Report alone = accel::simulate(layers, machines[m], table);
    EXPECT_EQ(costs[m].report->total.cycles(), alone.total.cycles());
    EXPECT_EQ(costs[m].report->total.energy, alone.total.energy);
  }
}

TEST_F(MachineCosts, ValuesGiveTheMeanOfSingleImages) {
  const QuantizedModel quantized = model();
  const auto machines = named({"systolic-os", "bit-pragmatic", "laconic"});
  int read = 0;
  std::int64_t reported = 0;
  const auto both =
      machine_costs(quantized, machines, table, images(2, &read), [&](std::int64_t done) { reported = done; });
  EXPECT_EQ(read, 2);
  EXPECT_EQ(reported, 2);
  const ImageSet all = images(2);
  for (std::size_t m = 0; m < machines.size(); ++m) {
    double cycles = 0, energy = 0, first = 0;
    for (std::int64_t i = 0; i < 2; ++i) {
      const ImageSet one{1, [&](std::int64_t, std::span<float> out) { all.image(i, out); }, {}};
      const MachineCost cost = machine_costs(quantized, {&machines[m], 1}, table, one).front();
      ASSERT_TRUE(cost.report) << cost.reason;
      if (i == 0) first = cost.report->total.cycles();
      cycles += cost.report->total.cycles() / 2;
      energy += accel::total(cost.report->total.energy) / 2;
    }
    ASSERT_TRUE(both[m].report);
    EXPECT_DOUBLE_EQ(both[m].report->total.cycles(), cycles);
    EXPECT_NEAR(accel::total(both[m].report->total.energy), energy, 1e-9 * energy);
    EXPECT_EQ(first == cycles, m == 0) << "images differ, and only machines that read them see it";
  }
}

// Bits that a layer's code drops are not there for the machine either.
TEST_F(MachineCosts, CodesAreApplied) {
  const auto machines = named({"bit-pragmatic"});
  const auto cycles = [&](const std::string& code) {
    const QuantizedModel quantized = model(code);
    return machine_costs(quantized, machines, table, images(2)).front().report->layers.at(0).compute;
  };
  EXPECT_LT(cycles("act4-uniform"), cycles("int8"));
  EXPECT_LT(cycles("sparq-5opt-round"), cycles("int8"));
}

TEST_F(MachineCosts, RefusalsNameTheirReasonAndLeaveOthersAlone) {
  const auto machines = named({"laconic", "systolic-os"});
  const auto no_image = machine_costs(model(), machines, table, ImageSet{});
  EXPECT_FALSE(no_image[0].report);
  EXPECT_NE(no_image[0].reason.find("machine 'laconic' depends on values, and layer 'first' has none"),
            std::string::npos)
      << no_image[0].reason;
  EXPECT_TRUE(no_image[1].report);
  EXPECT_EQ(no_image[1].reason, "");
  for (const MachineCost& cost : machine_costs(model("int8", "float"), machines, table, images(1))) {
    EXPECT_FALSE(cost.report);
    EXPECT_NE(cost.reason.find("layer 'second' is not quantized"), std::string::npos) << cost.reason;
  }
  // Groups of another size than the lanes.
  QuantizedModel grouped = model();
  SharedShifts& shifts = grouped.layers[1].shifts;
  shifts.group = shifts.run = 8;
  shifts.shifts = {2};
  const auto swis = machine_costs(grouped, named({"swis-single", "stripes"}), table, images(1));
  EXPECT_EQ(swis[0].reason,
            "layer 'second' has groups of 8 weights and machine 'swis-single' has 4 lanes; give both the same number");
  EXPECT_TRUE(swis[1].report);
}

TEST_F(MachineCosts, TablesThatLackSomethingAreFoundAtOnce) {
  for (const accel::Machine& machine : accel::machines()) EXPECT_NO_THROW(require_entries(machine.defaults, table));
  for (const accel::Machine& machine : accel::machines()) {
    EXPECT_THROW(require_entries(machine.defaults, accel::EnergyTable{"empty", {}, {}, 0, 0}), Error) << machine.name;
  }
  accel::EnergyTable lacking = table;
  std::erase_if(lacking.entries, [](const accel::EnergyEntry& e) { return e.id == "shift-32"; });
  const auto two = named({"systolic-os", "swis-single"});
  EXPECT_NO_THROW(require_entries(two[0], lacking));
  EXPECT_THROW(require_entries(two[1], lacking), Error);
}

}  // namespace
}  // namespace bitsieve
