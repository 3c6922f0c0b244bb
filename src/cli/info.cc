// bitsieve info: what the network is made of.
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "cli/model_file.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "methods/methods.h"
#include "methods/swis/statistics.h"
#include "quant/k_order.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

// A layer's weights as the model's integers; those of a float layer as 8-bit ones, per filter max/127. K order.
std::vector<std::int8_t> integers(const Node& node, const LayerCode& layer) {
  if (layer.integer) return {layer.weight.begin(), layer.weight.end()};
  const std::vector<float> w = weights_in_k_order(node);
  const std::int64_t outputs = node.weight().shape[0];
  const auto k = static_cast<std::int64_t>(w.size()) / std::max<std::int64_t>(outputs, 1);
  return require_weight_code("int8").quantize({w.data(), outputs, k, filter_depth(node)}).q;
}

struct WeightBits {
  double zeros = 0;     // share that is 0
  double set_bits = 0;  // mean number of bits set in a magnitude
  swis::GroupStatistics groups;
  std::int64_t group = 4;  // weights that are looked at together
};

WeightBits weight_bits(const Node& node, const LayerCode& layer) {
  const std::vector<std::int8_t> codes = integers(node, layer);
  WeightBits bits;
  for (const std::int8_t q : codes) {
    bits.zeros += q == 0;
    bits.set_bits += std::popcount(static_cast<unsigned>(std::abs(int{q})));
  }
  const double n = std::max<double>(1, static_cast<double>(codes.size()));
  bits.zeros /= n;
  bits.set_bits /= n;
  const std::int64_t outputs = node.weight().shape[0];
  const auto k = static_cast<std::int64_t>(codes.size()) / std::max<std::int64_t>(outputs, 1);
  swis::Groups groups{outputs, k, filter_depth(node) == 1 ? k : filter_depth(node), bits.group};
  if (layer.shifts.one_group) {
    groups = {1, outputs * k, outputs * k, outputs * k};
  } else if (layer.shifts.active()) {
    groups = {outputs, k, layer.shifts.run, layer.shifts.group};
  }
  bits.group = groups.group;
  bits.groups = swis::group_statistics(codes, groups);
  return bits;
}

// What SWIS would find, or has found, in the groups of every layer.
void print_groups(const std::vector<std::pair<std::string, WeightBits>>& layers) {
  Table table({"<groups of M weights", "M", "<% exact with 1 to 5 shifts", "<% of groups with the shift 0 to 7"});
  for (const auto& [name, bits] : layers) {
    std::string exact, occupancy;
    for (std::size_t n = 1; n <= 5; ++n) exact += fmt::format("{:5.1f} ", 100 * bits.groups.exact[n]);
    for (const double share : bits.groups.occupancy) occupancy += fmt::format("{:3.0f} ", 100 * share);
    table.add({name, fmt::format("{}", bits.group), exact, occupancy});
  }
  std::printf("\n");
  table.print();
}

void run(const Options& options) {
  const Stopwatch clock;
  const ModelFile file = load_model(options.model, options);
  const QuantizedModel model = file.packed ? file.packed->model : float_model(file.graph);
  Json layers = Json::array();
  std::int64_t total_macs = 0, total_params = 0;
  const bool json = options.json();
  std::vector<std::pair<std::string, WeightBits>> groups;
  Table table(
      {"<node", "<operator", "<output", "params", "MACs", "<codes", "zeros %", "set bits", "shifts", "stored bits"});
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    const Node& node = model.graph.nodes[i];
    const LayerCode& layer = model.layers[i];
    std::int64_t params = 0;
    for (const Tensor& tensor : node.params) params += element_count(tensor.shape);
    const bool weights = node.op == Op::conv || node.op == Op::linear;
    total_macs += macs(model.graph, node);
    total_params += params;
    Json row{{"name", node.name},
             {"op", op_name(node.op)},
             {"shape", model.graph.shape(node.output)},
             {"params", params},
             {"macs", macs(model.graph, node)}};
    std::vector<std::string> cells{node.name, op_name(node.op), to_string(model.graph.shape(node.output)),
                                   fmt::format("{}", params), fmt::format("{}", macs(model.graph, node))};
    if (weights) {
      const WeightBits bits = weight_bits(node, layer);
      row["weight_zeros"] = bits.zeros;
      row["mean_set_bits"] = bits.set_bits;
      row["group"] = bits.group;
      row["exact_groups"] = bits.groups.exact;
      row["exact_groups_consecutive"] = bits.groups.exact_consecutive;
      row["shift_occupancy"] = bits.groups.occupancy;
      if (layer.integer) row["shifts_per_weight"] = shifts_per_weight(layer);
      groups.emplace_back(node.name, bits);
      const double count = static_cast<double>(element_count(node.weight().shape));
      cells.insert(cells.end(), {layer.integer ? layer.weight_code + " x " + layer.act_code : "float",
                                 fmt::format("{:.1f}", 100 * bits.zeros), fmt::format("{:.2f}", bits.set_bits),
                                 layer.integer ? fmt::format("{:.2f}", shifts_per_weight(layer)) : "",
                                 count > 0 ? fmt::format("{:.2f}", stored_layer_bits(node, layer) / count) : ""});
    }
    layers.push_back(row);
    table.add(std::move(cells));
  }
  // The fields that quantize has as well.
  std::size_t at = 0;
  for (const LayerSize& size : layer_sizes(model)) {
    at = static_cast<std::size_t>(size.node);
    layers[at]["bits_per_weight"] = size.bits_per_weight();
    layers[at]["weight_code"] = model.layers[at].weight_code;
    layers[at]["act_code"] = model.layers[at].act_code;
  }
  if (json) {
    Json document = run_facts(options, clock);
    document["model"] = options.model;
    document["model_hash"] = file.hash;
    document["quantized"] = file.packed.has_value();
    document["input"] = file.input();
    document["macs"] = total_macs;
    document["params"] = total_params;
    document["model_bytes"] = file.bytes;
    document["avg_bits_per_weight"] = avg_bits_per_weight(model);
    document["preprocessing"] = file.preprocessing.to_toml();
    if (file.packed) document["recipe"] = file.packed->recipe_toml;
    document["layers"] = layers;
    return print_json(document);
  }
  table.print();
  print_groups(groups);
  std::printf(
      "\n%s: input %s, %lld parameters, %lld MACs per image, %lld bytes, %.2f bits per weight\n"
      "zeros, set bits: of the weights as integers (of float layers as 8-bit ones), the share that is 0 and the mean "
      "number of\nset bits of a magnitude; exact: groups whose magnitudes have no more bits in all than that\n",
      options.model.c_str(), to_string(file.input()).c_str(), static_cast<long long>(total_params),
      static_cast<long long>(total_macs), static_cast<long long>(file.bytes), avg_bits_per_weight(model));
  if (file.packed)
    std::printf("made from %s with the recipe\n%s", file.packed->source_name.c_str(), file.packed->recipe_toml.c_str());
}

}  // namespace

void add_info(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<Options>();
  options->command = command;
  add_model(app, *options);
  app.callback([options] { run(*options); });
}

}  // namespace bitsieve::cli
