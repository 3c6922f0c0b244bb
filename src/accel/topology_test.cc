#include "accel/topology.h"

#include <gtest/gtest.h>

#include "accel/testdata/scalesim.h"
#include "base/error.h"

namespace bitsieve::accel {
namespace {

std::int64_t multiplications(const char* topology) {
  std::int64_t sum = 0;
  for (const Layer& layer : parse_topology(topology, "t.csv")) sum += layer.macs();
  return sum;
}

TEST(Topology, IsReadAsScaleSimReadsIt) {
  EXPECT_EQ(multiplications(scalesim::resnet18), 1471181568);
  EXPECT_EQ(multiplications(scalesim::resnet18_padded), 1814073344);
  const Layer first = parse_topology(scalesim::resnet18, "t.csv").at(0);  // the last of 110 windows hangs over the edge
  EXPECT_EQ(first.name, "Conv1");
  EXPECT_EQ(first.pixels, 110 * 110);
  EXPECT_EQ(first.depth(), 147);
  EXPECT_EQ(first.input_values, 224 * 224 * 3);
}

std::string error_of(const std::string& line) {
  try {
    parse_topology("names\n" + line, "t.csv");
  } catch (const Error& e) {
    return e.what();
  }
  return "none";
}

TEST(Topology, RefusesWhatIsNone) {
  EXPECT_EQ(error_of(""), "'t.csv' holds no layers: a line of column names, then a line for each layer");
  EXPECT_EQ(error_of("a,8,8,3,3,4"), "'t.csv' line 2: filters is '', not a whole number from 1 to 1048576");
  EXPECT_EQ(error_of("a,8,8,3,3,4,x,1"), "'t.csv' line 2: filters is 'x', not a whole number from 1 to 1048576");
  EXPECT_EQ(error_of("a,8,0,3,3,4,4,1"), "'t.csv' line 2: input width is '0', not a whole number from 1 to 1048576");
  EXPECT_EQ(error_of("a,8,2,3,3,4,4,1"), "'t.csv' line 2: the kernel, 3 x 3, is larger than the image, 8 x 2");
  EXPECT_EQ(error_of("a,8,8,3,3,4,4,1,5"), "'t.csv' line 2: more than eight columns");
  EXPECT_EQ(error_of("a,1000000,1000000,1,1,1000000,1000000,1"),
            "'t.csv' line 2: 1.0e+24 multiplications, more than 1e15");
  std::string many;
  for (int i = 0; i < 3; ++i) many += "a,1024,1024,1,1,65536,8192,1\n";
  EXPECT_EQ(error_of(many), "'t.csv': 1.7e+15 multiplications in all layers, more than 1e15");
  EXPECT_EQ(error_of(" a , 8,8, 3,3,4,4,1,\r\n\n"), "none");
}

}  // namespace
}  // namespace bitsieve::accel
