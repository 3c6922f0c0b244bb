#include "cli/report.h"

#include <cmath>
#include <cstdio>
#include <fstream>

#include "base/cpu.h"
#include "base/parallel.h"
#include "quant/k_order.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(':');
    return colon == std::string::npos ? "unknown" : line.substr(std::min(colon + 2, line.size()));
  }
  return "unknown";
}

}  // namespace

void inform(const Options& options, const std::string& line) {
  if (options.log_level == "info") std::fprintf(stderr, "%s\n", line.c_str());
}

void warn(const Options& options, const std::string& line) {
  if (options.log_level != "quiet") std::fprintf(stderr, "warning: %s\n", line.c_str());
}

Json run_facts(const Options& options, const Stopwatch& clock) {
  Json facts;
  facts["tool_version"] = tool_version;
  facts["command"] = options.command;
  facts["seed"] = options.seed;
  facts["threads"] = options.threads > 0 ? options.threads : available_threads();
  facts["cpu"] = cpu_model();
  facts["isa"] = isa_name(best_isa());
  facts["wall_seconds"] = clock.seconds();
  return facts;
}

Json number(double x) { return std::isfinite(x) ? Json(x) : Json(); }

Json accuracy_json(const Evaluation& e) {
  Json json;
  json["top1"] = e.top1();
  json["top5"] = e.top5();
  json["top1_ci95"] = wilson_interval(e.correct, e.count);
  json["count"] = e.count;
  json["correct"] = e.correct;
  json["images_per_second"] = e.images_per_second();
  return json;
}

std::vector<LayerSize> layer_sizes(const QuantizedModel& model) {
  std::vector<LayerSize> sizes;
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    const Node& node = model.graph.nodes[i];
    if (!has_weights(node)) continue;
    LayerSize size;
    size.node = static_cast<int>(i);
    size.macs = macs(model.graph, node);
    size.weights = element_count(node.weight().shape);
    size.params = size.weights + (node.bias() ? element_count(node.bias()->shape) : 0);
    size.stored_bits = stored_layer_bits(node, model.layers[i]);
    sizes.push_back(size);
  }
  return sizes;
}

double avg_bits_per_weight(const QuantizedModel& model) {
  double bits = 0, weights = 0;
  for (const LayerSize& size : layer_sizes(model)) {
    bits += size.stored_bits;
    weights += static_cast<double>(size.weights);
  }
  return weights > 0 ? bits / weights : 0;
}

double avg_act_bits(const QuantizedModel& model) {
  double bits = 0, all = 0;
  for (const LayerSize& size : layer_sizes(model)) {
    const LayerCode& layer = model.layers[static_cast<std::size_t>(size.node)];
    bits += static_cast<double>(size.macs) * (layer.integer ? layer.act_bits : 32);
    all += static_cast<double>(size.macs);
  }
  return all > 0 ? bits / all : 0;
}

double avg_shifts(const QuantizedModel& model) {
  double shifts = 0, all = 0;
  for (const LayerSize& size : layer_sizes(model)) {
    const LayerCode& layer = model.layers[static_cast<std::size_t>(size.node)];
    shifts += static_cast<double>(size.macs) * (layer.integer ? shifts_per_weight(layer) : 31);
    all += static_cast<double>(size.macs);
  }
  return all > 0 ? shifts / all : 0;
}

double weight_sqnr_db(const QuantizedModel& model) {
  double sum = 0, all = 0;
  for (const LayerSize& size : layer_sizes(model)) {
    const LayerCode& layer = model.layers[static_cast<std::size_t>(size.node)];
    if (!layer.integer) continue;
    const std::vector<float> w = weights_in_k_order(model.graph.nodes[static_cast<std::size_t>(size.node)]);
    const std::size_t k = w.size() / layer.weight_scale.size();
    double signal = 0, noise = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double e = w[i] - static_cast<double>(layer.weight[i]) * layer.weight_scale[i / k];
      signal += static_cast<double>(w[i]) * w[i];
      noise += e * e;
    }
    const double db = signal > noise * 1e-10 ? (noise > signal * 1e-10 ? 10 * std::log10(signal / noise) : 100) : -100;
    sum += db * static_cast<double>(w.size());
    all += static_cast<double>(w.size());
  }
  return all > 0 ? sum / all : INFINITY;
}

Json layers_json(const QuantizedModel& model, bool plain) {
  const Executor executor(model, plain);
  Json layers = Json::array();
  for (const LayerSize& size : layer_sizes(model)) {
    const Node& node = model.graph.nodes[static_cast<std::size_t>(size.node)];
    const LayerCode& layer = model.layers[static_cast<std::size_t>(size.node)];
    Json row;
    row["name"] = node.name;
    row["op"] = op_name(node.op);
    row["weight_code"] = layer.integer ? layer.weight_code : "float";
    row["act_code"] = layer.integer ? layer.act_code : "float";
    // Windows on signed values are ours, not SPARQ's.
    row["signed"] = layer.integer && layer.transform.active &&
                    model.values[static_cast<std::size_t>(node.inputs[0])].type == DType::s8;
    row["w_bits"] = layer.integer ? stored_weight_bits(layer) / static_cast<double>(layer.weight.size()) : 32.0;
    row["shifts"] = layer.integer ? shifts_per_weight(layer) : 31.0;
    row["a_bits"] = layer.integer ? layer.act_bits : 32;
    row["macs"] = size.macs;
    row["params"] = size.params;
    row["bits_per_weight"] = size.bits_per_weight();
    row["kernel"] = executor.kernel(size.node);
    layers.push_back(row);
  }
  return layers;
}

void print_json(const Json& document) {
  std::printf("%s\n", document.dump(1, ' ', false, Json::error_handler_t::replace).c_str());
}

}  // namespace bitsieve::cli
