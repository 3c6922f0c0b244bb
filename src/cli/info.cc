// bitsieve info: what the network is made of.
#include <cstdio>

#include "cli/common.h"

namespace bitsieve::cli {

void add_info(CLI::App& app) {
  auto* verb = app.add_subcommand("info", "operators, shapes, parameters and MACs");
  auto options = std::make_shared<CommonOptions>();
  add_model(*verb, *options);
  verb->callback([options] {
    const Graph graph = load_graph(*options);
    nlohmann::json layers = nlohmann::json::array();
    std::int64_t total_macs = 0, total_params = 0;
    if (!json_wanted(*options)) std::printf("%-40s %-12s %-14s %10s %12s\n", "node", "operator", "output", "params", "MACs");
    for (const Node& node : graph.nodes) {
      std::int64_t params = 0;
      for (const Tensor& tensor : node.params) params += tensor.size();
      total_macs += macs(graph, node);
      total_params += params;
      const std::string shape = to_string(graph.shape(node.output));
      layers.push_back({{"name", node.name}, {"op", op_name(node.op)}, {"shape", graph.shape(node.output)},
                        {"params", params}, {"macs", macs(graph, node)}});
      if (!json_wanted(*options)) {
        std::printf("%-40s %-12s %-14s %10lld %12lld\n", node.name.c_str(), op_name(node.op), shape.c_str(),
                    static_cast<long long>(params), static_cast<long long>(macs(graph, node)));
      }
    }
    if (json_wanted(*options)) {
      const nlohmann::json document{{"model", options->model}, {"macs", total_macs}, {"params", total_params}, {"layers", layers}};
      std::printf("%s\n", document.dump(1).c_str());
    } else {
      std::printf("total: %lld parameters, %lld MACs per image, input %s\n", static_cast<long long>(total_params),
                  static_cast<long long>(total_macs), to_string(graph.shape(graph.input)).c_str());
    }
  });
}

}  // namespace bitsieve::cli
