// The energy tables that come with the program, as people would write them.
#include <fmt/format.h>

#include "accel/energy.h"

namespace bitsieve::accel {
namespace {

constexpr std::string_view default_set = R"(id = "45nm-horowitz-aladdin-cacti"
dram-range = [6, 40]

[[entry]]
id = "mul-8x8"
value = 0.2
node = "45 nm, 0.9 V"
source = "Horowitz, ISSCC 2014: 8-bit integer multiplication"

[[entry]]
id = "add-32"
value = 0.1
node = "45 nm, 0.9 V"
source = "Horowitz, ISSCC 2014: 32-bit integer addition"

[[entry]]
id = "add-16"
value = 0.05
node = "45 nm, 0.9 V"
source = "derived: half of the 32-bit addition; a carry chain's energy grows with its length"

[[entry]]
id = "add-24"
value = 0.075
node = "45 nm, 0.9 V"
source = "derived: three quarters of the 32-bit addition"
note = "sums of a group that is doubled from plane to plane"

[[entry]]
id = "add-1"
value = 0.003125
node = "45 nm, 0.9 V"
source = "derived: a 32nd of the 32-bit addition, a full adder"

[[entry]]
id = "mul-4x8"
value = 0.1
node = "45 nm, 0.9 V"
source = "derived: half of mul-8x8, which is two of them (specification of SPARQ, D.1), the addition aside"

[[entry]]
id = "shift-32"
value = 0.417
node = "45 nm, 1 ns"
source = "Aladdin 40/45 nm, as in Accelergy's plug-in: 32-bit shifter"

[[entry]]
id = "shift-16"
value = 0.2085
node = "45 nm, 1 ns"
source = "derived: half of Aladdin's 32-bit shifter"

[[entry]]
id = "and-8"
value = 0.004525
node = "45 nm, 1 ns"
source = "derived: a quarter of Aladdin's 32-bit bitwise unit, 0.0181"

[[entry]]
id = "and-1"
value = 0.000565625
node = "45 nm, 1 ns"
source = "derived: a 32nd of Aladdin's 32-bit bitwise unit, 0.0181"

[[entry]]
id = "fusion-unit"
value = 0.459
node = "45 nm, 500 MHz"
source = "BitFusion's synthesis (systolic_array_synth.csv): 3.67 mW for 4 x 4 elements of 8 to 2 bits at 500 MHz, per element and cycle"
note = "its accumulator and registers included, which the other machines' operations leave out"

[[entry]]
id = "dram-bit"
value = 20
node = "board"
source = "Horowitz, ISSCC 2014: 1.3 to 2.6 nJ for 64 bits is 20 to 41 pJ a bit; the lower end"
note = "published values go from 6 to 40 pJ a bit: dram-range"

[[sram]]
bytes = 2048
bits = 64
read = 1.31542
write = 1.75245
leakage = 0.0373129
node = "45 nm, itrs-lop"
source = "CACTI 7"

[[sram]]
bytes = 8192
bits = 64
read = 3.16221
write = 3.24418
leakage = 0.136305
node = "45 nm, itrs-lop"
source = "CACTI 7"

[[sram]]
bytes = 16384
bits = 64
read = 6.03378
write = 4.41967
leakage = 0.257365
node = "45 nm, itrs-lop"
source = "CACTI 7"

[[sram]]
bytes = 32768
bits = 64
read = 7.23311
write = 5.619
leakage = 0.51473
node = "45 nm, itrs-lop"
source = "CACTI 7"

[[sram]]
bytes = 65536
bits = 64
read = 13.069
write = 8.06272
leakage = 0.934604
node = "45 nm, itrs-lop"
source = "CACTI 7"

[[sram]]
bytes = 131072
bits = 64
read = 15.545
write = 10.5387
leakage = 1.86921
node = "45 nm, itrs-lop"
source = "CACTI 7"

[[sram]]
bytes = 524288
bits = 64
read = 27.7066
write = 21.4189
leakage = 7.10982
node = "45 nm, itrs-lop"
source = "CACTI 7"

[[sram]]
bytes = 1048576
bits = 64
read = 41.7608
write = 29.7391
leakage = 14.1395
node = "45 nm, itrs-lop"
source = "CACTI 7"
)";

// Cycles of whole elements: power of rtl/ in the cells of osu018 (docs/area.md), as ratios to the 8b-8b element, which
// is taken for an 8-bit multiplication and a 32-bit addition of the first set. So the buffers of that set remain
// comparable. An element takes a little more where its groups have fewer shifts: of those measured (with
// four lanes two, three and four shifts, with more lanes one number) the one that takes most.
struct ElementEnergy {
  const char* id;
  double pj;
  const char* design;  // in docs/area.json: tests/simulate.sh compares
};
constexpr ElementEnergy elements[] = {
    {"element-systolic", 0.3000, "8b-8b"},
    {"element-sparq-5opt", 0.5864, "SPARQ 5opt"},
    {"element-sparq-3opt", 0.4906, "SPARQ 3opt"},
    {"element-sparq-2opt", 0.4657, "SPARQ 2opt"},
    {"element-trim-round-5opt", 0.0391, "trim-and-round 5opt +R"},
    {"element-trim-round-3opt", 0.0297, "trim-and-round 3opt +R"},
    {"element-trim-round-2opt", 0.0241, "trim-and-round 2opt +R"},
    {"element-dot-product", 1.0111, "dot product"},
    {"element-sparq-dot-product-5opt", 1.8990, "SPARQ dot product 5opt"},
    {"element-sparq-dot-product-3opt", 1.7565, "SPARQ dot product 3opt"},
    {"element-sparq-dot-product-2opt", 1.5343, "SPARQ dot product 2opt"},
    {"element-sparse-dot-product", 1.1826, "2:4 dot product"},
    {"element-sparq-sparse-dot-product-5opt", 3.5817, "SPARQ 2:4 dot product 5opt +R"},
    {"element-sparq-sparse-dot-product-3opt", 2.9351, "SPARQ 2:4 dot product 3opt +R"},
    {"element-sparq-sparse-dot-product-2opt", 2.5985, "SPARQ 2:4 dot product 2opt +R"},
    {"element-weight-serial-4", 0.2867, "weight-serial, M=4, 7 bits"},
    {"element-swis-single-4", 0.3909, "SWIS single, M=4, N=2"},
    {"element-swis-double-4", 0.7216, "SWIS double, M=4, N=2"},
    {"element-swis-c-4", 0.4672, "SWIS-C, M=4, N=3"},
    {"element-stripes-4", 0.2051, "Stripes, M=4"},
    {"element-bit-pragmatic-4", 0.3085, "Bit-Pragmatic, M=4"},
    {"element-weight-serial-8", 0.4980, "weight-serial, M=8, 7 bits"},
    {"element-swis-single-8", 0.6831, "SWIS single, M=8, N=3"},
    {"element-swis-double-8", 1.0941, "SWIS double, M=8, N=4"},
    {"element-swis-c-8", 0.7345, "SWIS-C, M=8, N=3"},
    {"element-stripes-8", 0.3347, "Stripes, M=8"},
    {"element-bit-pragmatic-8", 0.4835, "Bit-Pragmatic, M=8"},
    {"element-weight-serial-16", 0.9283, "weight-serial, M=16, 7 bits"},
    {"element-swis-single-16", 1.1267, "SWIS single, M=16, N=3"},
    {"element-swis-double-16", 1.8509, "SWIS double, M=16, N=4"},
    {"element-swis-c-16", 1.2305, "SWIS-C, M=16, N=3"},
    {"element-stripes-16", 0.5601, "Stripes, M=16"},
    {"element-bit-pragmatic-16", 0.8086, "Bit-Pragmatic, M=16"},
};

std::string with_elements() {
  const std::size_t line = default_set.find('\n');
  std::string text = "id = \"45nm-own-rtl\"" + std::string(default_set.substr(line));
  for (const ElementEnergy& e : elements)
    text += fmt::format(
        "\n[[entry]]\nid = \"{}\"\nvalue = {}\nnode = \"45 nm, ratios of osu018\"\nsource = \"docs/area.md: "
        "'{}', its energy a cycle over that of '8b-8b', times mul-8x8 and add-32\"\n",
        e.id, e.pj, e.design);
  return text;
}

}  // namespace

const std::vector<EnergySet>& energy_sets() {
  static const std::string own = with_elements();
  static const std::vector<EnergySet> sets = {
      {"45nm-horowitz-aladdin-cacti", "arithmetic by Horowitz, shifters by Aladdin, buffers by CACTI, 45 nm",
       default_set},
      {"45nm-own-rtl", "the same, with whole elements by the gates of rtl/ where there are such", own}};
  return sets;
}

}  // namespace bitsieve::accel
