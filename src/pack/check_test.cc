// Each thing the executor relies on, broken one at a time: the error names it.
#include "pack/check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <span>

#include "base/error.h"
#include "pack/sample_model.h"

namespace bitsieve {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();

std::size_t index_of(const QuantizedModel& m, const std::string& name) {
  for (std::size_t i = 0; i < m.graph.nodes.size(); ++i) {
    if (m.graph.nodes[i].name == name) return i;
  }
  fail("no node '{}'", name);
}
Node& node(QuantizedModel& m, const std::string& name) { return m.graph.nodes[index_of(m, name)]; }
LayerCode& code(QuantizedModel& m, const std::string& name) { return m.layers[index_of(m, name)]; }
Value& input(QuantizedModel& m) { return m.graph.values[static_cast<std::size_t>(m.graph.input)]; }
ValueCode& output_code(QuantizedModel& m, const std::string& name) {
  return m.values[static_cast<std::size_t>(node(m, name).output)];
}

struct Case {
  const char* expected;  // the error without its origin
  void (*damage)(QuantizedModel&);
};
using M = QuantizedModel;

void expect_errors(std::span<const Case> cases) {
  for (const Case& c : cases) {
    QuantizedModel model = pack::SampleModel().packed().model;
    c.damage(model);
    try {
      validate(model, "net");
      ADD_FAILURE() << "accepted: " << c.expected;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()), std::string("'net': ") + c.expected);
    }
  }
}

TEST(Check, TheSampleIsSound) { EXPECT_NO_THROW(validate(pack::SampleModel().packed().model, "net")); }

const Case graph_cases[] = {
    {"value 'image': extent 0 is not 1 to 2^30", [](M& m) { input(m).shape[1] = 0; }},
    {"value 'image': extent -6 is not 1 to 2^30", [](M& m) { input(m).shape[1] = -6; }},
    {"value 'image': rank 9, at most 8 is accepted", [](M& m) { input(m).shape.assign(9, 1); }},
    {"the values of one image have more than 1073741824 elements",
     [](M& m) {
       input(m).shape = {1024, 1024, 1025};
     }},
    {"a value's name: a name holds a control character", [](M& m) { input(m).name = "two\nlines"; }},
    {"a node's name: a name of 5000 bytes, at most 4096 are accepted",
     [](M& m) { m.graph.nodes[0].name.assign(5000, 'x'); }},
    {"the output is a constant", [](M& m) { m.graph.output = node(m, "divided").inputs[1]; }},
    {"node 'stem' reads a value that is not computed before it", [](M& m) { m.graph.nodes[0].inputs[0] = 5; }},
    {"node 'every second': a step of 4611686018427387904 is not 1 to 2^30",
     [](M& m) { node(m, "every second").attributes.steps[0] = std::int64_t{1} << 62; }},
    {"node 'stem': batch norms must be folded", [](M& m) { node(m, "stem").op = Op::batch_norm; }},
};
TEST(Check, Graph) { expect_errors(graph_cases); }

const Case value_cases[] = {
    {"30 value codes for 31 values, 28 layer codes for 28 nodes", [](M& m) { m.values.pop_back(); }},
    {"31 value codes for 31 values, 27 layer codes for 28 nodes", [](M& m) { m.layers.pop_back(); }},
    {"value 'image': scale 0 is not above 0 and finite", [](M& m) { m.values[0].scale = 0; }},
    {"value 'image': scale inf is not above 0 and finite", [](M& m) { m.values[0].scale = infinity; }},
    {"value 'image': scale nan is not above 0 and finite", [](M& m) { m.values[0].scale = nan; }},
    {"value 'image': unknown type", [](M& m) { m.values[0].type = static_cast<DType>(3); }},
    {"constant 'divisor' has an 8-bit code",
     [](M& m) { m.values[static_cast<std::size_t>(node(m, "divided").inputs[1])].type = DType::u8; }},
    {"node 'stem': an integer node reads a value without an 8-bit code", [](M& m) { m.values[0].type = DType::f32; }},
    {"node 'sum': an integer add writes a float value", [](M& m) { output_code(m, "sum").type = DType::f32; }},
    {"node 'largest': max_pool changes the code of its values", [](M& m) { output_code(m, "largest").scale *= 2; }},
};
TEST(Check, Values) { expect_errors(value_cases); }

const Case layer_cases[] = {
    {"node 'dense': it is computed in float but holds integers", [](M& m) { code(m, "dense").multiplier = {1}; }},
    {"node 'dense': it is computed in float but holds integers",
     [](M& m) { code(m, "dense").transform.active = true; }},
    {"node 'softmax': an integer node reads a value without an 8-bit code",
     [](M& m) { code(m, "softmax").integer = true; }},
    {"node 'softmax': softmax has no integer form",
     [](M& m) {
       output_code(m, "total").type = output_code(m, "softmax").type = DType::u8;
       code(m, "softmax").integer = true;
       code(m, "softmax").lo = 0;
     }},
    {"node 'dense': it is computed in float but holds integers", [](M& m) { code(m, "dense").constant = {1}; }},
    {"node 'sum': 1 constant integers, not 0", [](M& m) { code(m, "sum").constant = {1}; }},
    {"node 'scaled': 7 constant integers, not 8", [](M& m) { code(m, "scaled").constant.pop_back(); }},
    {"node 'scaled': its constant holds -128", [](M& m) { code(m, "scaled").constant[0] = -128; }},
    {"node 'gram': 2 multipliers, not 1", [](M& m) { code(m, "gram").multiplier.push_back(1); }},
    {"node 'stem': 143 weights, not 144", [](M& m) { code(m, "stem").weight.edit().pop_back(); }},
    {"node 'stem': 3 weight scales, not 4", [](M& m) { code(m, "stem").weight_scale.pop_back(); }},
    {"node 'stem': 5 biases, not 4", [](M& m) { code(m, "stem").bias.push_back(0); }},
    {"node 'stem': 0 multipliers, not 4", [](M& m) { code(m, "stem").multiplier.clear(); }},
    {"node 'stem': 9 bits a weight, not 2 to 8", [](M& m) { code(m, "stem").weight_bits = 9; }},
    {"node 'depthwise': groups of 3 weights, not 1, 2, 4, 8, 16 or 32",
     [](M& m) { code(m, "depthwise").shifts.group = 3; }},
    {"node 'depthwise': groups within 2 weights do not divide filters of 1",
     [](M& m) { code(m, "depthwise").shifts.run = 2; }},
    {"node 'depthwise': blocks of 0 filters", [](M& m) { code(m, "depthwise").shifts.columns = 0; }},
    {"node 'depthwise': one group for the layer, and more", [](M& m) { code(m, "depthwise").shifts.one_group = true; }},
    {"node 'depthwise': the order of filters is no permutation",
     [](M& m) { code(m, "depthwise").shifts.filter[0] = 1; }},
    {"node 'depthwise': a schedule of 3 filters in 2 blocks",
     [](M& m) { code(m, "depthwise").shifts.filter.pop_back(); }},
    {"node 'depthwise': a schedule of 4 filters in 3 blocks",
     [](M& m) { code(m, "depthwise").shifts.shifts.push_back(1); }},
    {"node 'depthwise': the number of shifts must be 1 to 8", [](M& m) { code(m, "depthwise").shifts.shifts[1] = 9; }},
    {"node 'depthwise': 3 sets of shifts for 4 groups", [](M& m) { code(m, "depthwise").shifts.set.pop_back(); }},
    {"node 'depthwise': weight 7 is no sum of its shifts", [](M& m) { code(m, "depthwise").weight.edit()[1] = 7; }},
    {"node 'depthwise': a set of other than N shifts", [](M& m) { code(m, "depthwise").shifts.set[0] = 0x81; }},
    {"node 'depthwise': shifts that are not consecutive", [](M& m) { code(m, "depthwise").shifts.consecutive = true; }},
    {"node 'dense': it is computed in float but holds integers", [](M& m) { code(m, "dense").shifts.group = 4; }},
    {"node 'sum': add has no weights", [](M& m) { code(m, "sum").shifts.group = 4; }},
    {"node 'stem': 32 bits an activation, not 1 to 8", [](M& m) { code(m, "stem").act_bits = 32; }},
    {"node 'stem': weight 8 in 4 bits", [](M& m) { code(m, "stem").weight.edit()[7] = 8; }},
    {"node 'stem': weight -9 in 4 bits", [](M& m) { code(m, "stem").weight.edit()[7] = -9; }},
    {"node 'stem': the sum of output channel 2 can overflow",
     [](M& m) { code(m, "stem").bias[2] = std::numeric_limits<std::int32_t>::min(); }},
    {"node 'stem': the sum of output channel 0 can overflow",
     [](M& m) { code(m, "stem").bias[0] = std::numeric_limits<std::int32_t>::max() - 1000; }},
    {"node 'stem': weight scale 0 is not a number other than 0", [](M& m) { code(m, "stem").weight_scale[0] = 0; }},
    {"node 'stem': weight scale nan is not a number other than 0", [](M& m) { code(m, "stem").weight_scale[0] = nan; }},
    {"node 'stem': weight scale 3e+38 is too large", [](M& m) { code(m, "stem").weight_scale[0] = 3e38f; }},
    {"node 'stem': multiplier nan is not a finite number from 0", [](M& m) { code(m, "stem").multiplier[3] = nan; }},
    {"node 'sum': multiplier -1 is not a finite number from 0", [](M& m) { code(m, "sum").multiplier[0] = -1; }},
    {"node 'stem': clamp [0, 256] is not inside [0, 255]", [](M& m) { code(m, "stem").hi = 256; }},
    {"node 'stem': clamp [-1, 255] is not inside [0, 255]", [](M& m) { code(m, "stem").lo = -1; }},
    {"node 'stem': clamp [9, 8] is not inside [0, 255]",
     [](M& m) {
       code(m, "stem").lo = 9;
       code(m, "stem").hi = 8;
     }},
    {"node 'depthwise': clamp [-128, 127] is not inside [-127, 127]", [](M& m) { code(m, "depthwise").lo = -128; }},
    {"node 'stem': its activation transform does not keep 0 at 0", [](M& m) { code(m, "stem").transform.lone[0] = 1; }},
    {"node 'scores': its activation transform makes -128 of a signed value",
     [](M& m) { code(m, "scores").transform.pair[200] = 0x80; }},
    {"node 'scores': 2:4 mode with more than two non-zero weights in a group of four",
     [](M& m) { code(m, "scores").weight.edit().assign(20, 1); }},
    {"node 'swish': 255 table entries, not 256", [](M& m) { code(m, "swish").table.pop_back(); }},
    {"node 'swish': its table holds -128", [](M& m) { code(m, "swish").table[9] = 0x80; }},
    {"node 'sum': 256 table entries, not 0", [](M& m) { code(m, "sum").table.resize(256); }},
    {"node 'sum': add has no weights", [](M& m) { code(m, "sum").bias = {1}; }},
    {"node 'sum': 1 operands, not 2", [](M& m) { code(m, "sum").operand.pop_back(); }},
    {"node 'sum': factor 32768 does not fit 16 bits", [](M& m) { code(m, "sum").operand[1] = 32768; }},
    {"node 'product': 2 operands, not 0",
     [](M& m) {
       code(m, "product").operand = {1, 1};
     }},
    {"node 'average': 9 multipliers, not 10", [](M& m) { code(m, "average").multiplier.pop_back(); }},
    {"node 'joined': 1 multipliers, not 2", [](M& m) { code(m, "joined").multiplier.pop_back(); }},
};
TEST(Check, Layers) { expect_errors(layer_cases); }

// What bitsieve::validate(graph) refuses is refused here, with the node's name.
TEST(Check, GraphsThatAreWrongInThemselves) {
  void (*const damages[])(M&) = {
      [](M& m) { m.graph.input = 1000; },
      [](M& m) { m.graph.output = -1; },
      [](M& m) { m.graph.nodes[0].inputs[0] = -1; },
      [](M& m) { m.graph.nodes[0].output = 1000; },
      [](M& m) { node(m, "sum").inputs.pop_back(); },
      [](M& m) { node(m, "joined").inputs.clear(); },
      [](M& m) { node(m, "stem").params.clear(); },
      [](M& m) { node(m, "sum").params.resize(1); },
      [](M& m) { node(m, "stem").params[1].data.pop_back(); },
      [](M& m) { node(m, "stem").attributes.window.dilation[1] = 1 << 20; },
      [](M& m) { node(m, "stem").attributes.window.stride[0] = 0; },
      [](M& m) { node(m, "stem").attributes.window.pad_after[0] = -1; },
      [](M& m) { node(m, "stem").attributes.window.groups = 0; },
      [](M& m) { node(m, "every second").attributes.ends[0] = 9; },
      [](M& m) { node(m, "padded").attributes.value = nan; },
      [](M& m) { node(m, "leaky").attributes.alpha = infinity; },
      [](M& m) { node(m, "stem").clamp_hi = -1; },
      [](M& m) { node(m, "stem").clamp_lo = nan; },
      [](M& m) {
        node(m, "swapped").attributes.axes = {1, 1};
      },
      [](M& m) {
        node(m, "row").attributes.axes = {0, 0};
      },
      [](M& m) { node(m, "softmax").attributes.axis = -1; },
  };
  for (std::size_t i = 0; i < std::size(damages); ++i) {
    QuantizedModel model = pack::SampleModel().packed().model;
    damages[i](model);
    EXPECT_THROW(validate(model, "net"), Error) << i;
  }
}

TEST(Check, WindowsThatNeedTooMuchMemory) {
  QuantizedModel m;
  m.graph.input = m.graph.add_value("in", {1, 20000, 20000});
  m.graph.output = m.graph.add_value("out", {1, 1, 1});
  Node pool{};
  pool.op = Op::max_pool;
  pool.name = "pool";
  pool.inputs = {m.graph.input};
  pool.output = m.graph.output;
  pool.attributes.window.kernel = {20000, 20000};
  m.graph.nodes = {pool};
  m.values.resize(2);
  m.layers.resize(1);
  EXPECT_THROW(validate(m, "net"), Error);
  m.graph.nodes[0].attributes.window.kernel = {20000, 10000};
  m.graph.nodes[0].attributes.window.stride = {1, 10001};
  EXPECT_NO_THROW(validate(m, "net"));
}

TEST(Check, LongestMatrixProduct) {
  for (const std::int64_t k : {33000, 33001}) {
    QuantizedModel m;
    m.graph.input = m.graph.add_value("in", {1, k});
    m.graph.add_value("column", {k, 1});
    m.graph.output = m.graph.add_value("out", {1, 1});
    for (const Op op : {Op::reshape, Op::matmul}) {
      Node n{};
      n.op = op;
      n.name = op_name(op);
      n.inputs = op == Op::reshape ? std::vector<ValueId>{0} : std::vector<ValueId>{0, 1};
      n.output = n.inputs.back() + 1;
      m.graph.nodes.push_back(n);
    }
    m.values = {{DType::u8, 1}, {DType::u8, 1}, {DType::f32, 1}};
    m.layers.resize(2);
    m.layers[0].integer = m.layers[1].integer = true;
    m.layers[0].multiplier = m.layers[1].multiplier = {1};
    m.layers[0].lo = m.layers[1].lo = 0;
    if (k == 33000) {
      EXPECT_NO_THROW(validate(m, "net"));
    } else {
      EXPECT_THROW(validate(m, "net"), Error);
    }
  }
}

// Sums that just fit are accepted: the bound is not stricter than int32.
TEST(Check, LargestBiasThatFits) {
  QuantizedModel model = pack::SampleModel().packed().model;
  LayerCode& stem = code(model, "stem");
  std::fill(stem.weight.edit().begin(), stem.weight.edit().end(), std::int8_t{-8});
  stem.bias[0] = std::numeric_limits<std::int32_t>::max() - 255 * 8 * 36;
  EXPECT_NO_THROW(validate(model, "net"));
  ++stem.bias[0];
  EXPECT_THROW(validate(model, "net"), Error);
}

}  // namespace
}  // namespace bitsieve
