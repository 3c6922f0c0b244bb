// bitsieve info: what the network is made of.
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "cli/model_file.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "methods/methods.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

// Of a layer's weights as the model's integers; of a float layer as 8-bit ones, per filter max/127.
struct WeightBits {
  double zeros = 0;     // share that is 0
  double set_bits = 0;  // mean number of bits set in a magnitude
};

WeightBits weight_bits(const Node& node, const LayerCode& layer) {
  const Tensor& w = node.weight();
  const std::int64_t outputs = w.shape[0], k = w.size() / std::max<std::int64_t>(outputs, 1);
  const std::vector<std::int8_t> codes =
      layer.integer ? layer.weight : require_weight_code("int8").quantize({w.data.data(), outputs, k, k}).q;
  WeightBits bits;
  for (const std::int8_t q : codes) {
    bits.zeros += q == 0;
    bits.set_bits += std::popcount(static_cast<unsigned>(std::abs(int{q})));
  }
  const double n = std::max<double>(1, static_cast<double>(codes.size()));
  return {bits.zeros / n, bits.set_bits / n};
}

void run(const Options& options) {
  const Stopwatch clock;
  const ModelFile file = load_model(options.model, options);
  const QuantizedModel model = file.packed ? file.packed->model : float_model(file.graph);
  Json layers = Json::array();
  std::int64_t total_macs = 0, total_params = 0;
  const bool json = options.json();
  if (!json) {
    std::printf("%-36s %-12s %-16s %10s %12s  %-20s %6s %5s\n", "node", "operator", "output", "params", "MACs", "codes",
                "zeros", "bits");
  }
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    const Node& node = model.graph.nodes[i];
    const LayerCode& layer = model.layers[i];
    std::int64_t params = 0;
    for (const Tensor& tensor : node.params) params += tensor.size();
    const bool weights = node.op == Op::conv || node.op == Op::linear;
    total_macs += macs(model.graph, node);
    total_params += params;
    Json row{{"name", node.name},
             {"op", op_name(node.op)},
             {"shape", model.graph.shape(node.output)},
             {"params", params},
             {"macs", macs(model.graph, node)}};
    std::string codes, statistics;
    if (weights) {
      const WeightBits bits = weight_bits(node, layer);
      row["weight_zeros"] = bits.zeros;
      row["mean_set_bits"] = bits.set_bits;
      statistics = fmt::format("{:5.1f}% {:5.2f}", 100 * bits.zeros, bits.set_bits);
      codes = layer.integer ? layer.weight_code + " x " + layer.act_code : "float";
    }
    layers.push_back(row);
    if (!json) {
      std::printf("%-36s %-12s %-16s %10lld %12lld  %-20s %s\n", node.name.c_str(), op_name(node.op),
                  to_string(model.graph.shape(node.output)).c_str(), static_cast<long long>(params),
                  static_cast<long long>(macs(model.graph, node)), codes.c_str(), statistics.c_str());
    }
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
  std::printf(
      "\n%s: input %s, %lld parameters, %lld MACs per image, %lld bytes, %.2f bits per weight\n"
      "zeros and bits: of the weights as integers (of float layers as 8-bit ones), the share that is 0 and the mean "
      "number of\nset bits of a magnitude\n",
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
