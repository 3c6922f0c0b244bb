#include "cli/packing.h"

#include <filesystem>

#include "base/error.h"
#include "base/hash.h"
#include "cli/report.h"

namespace bitsieve::cli {

std::string pack(const ModelFile& file, const QuantizedModel& model, const Recipe& recipe,
                 const Calibration& calibration) {
  PackedModel packed;
  packed.model = model;
  packed.preprocessing = file.preprocessing;
  packed.recipe_toml = to_toml(resolved(file.graph, recipe));
  packed.source_name = std::filesystem::path(file.path).filename().string();
  packed.source_hash = file.hash;
  packed.calibration_hash = content_hash(to_json(calibration));
  packed.tool_version = tool_version;
  return write_bsv(packed);
}

void require_asked_precision(const QuantizedModel& model, const Recipe& recipe) {
  const std::vector<LayerRecipe> wanted = resolve(model.graph, recipe);
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    const Node& node = model.graph.nodes[i];
    if (node.op == Op::matmul && !model.layers[i].integer)
      fail("--strict: matrix product '{}' runs in float", node.name);
    if (node.op != Op::conv && node.op != Op::linear) continue;
    const LayerCode& layer = model.layers[i];
    const std::string weight = layer.integer ? layer.weight_code : "float",
                      act = layer.integer ? layer.act_code : "float";
    if (weight != wanted[i].weight_code || act != wanted[i].act_code) {
      fail("--strict: layer '{}' has weights {} and activations {}; asked for were {} and {}", node.name, weight, act,
           wanted[i].weight_code, wanted[i].act_code);
    }
  }
}

}  // namespace bitsieve::cli
