#include "cli/train_scheme.h"

#include <regex>

#include "base/error.h"
#include "base/files.h"
#include "methods/methods.h"
#include "quant/recipe.h"

namespace bitsieve::cli {

std::map<std::string, int> scheme_of(const Graph& graph, const std::string& path, const std::string& keep_float) {
  const Recipe recipe = parse_recipe(read_file(path, 1 << 20), path);
  std::vector<std::string> warnings;
  const std::vector<LayerRecipe> codes = resolve(graph, recipe, &warnings);
  if (!warnings.empty()) fail("--scheme: '{}': {}", path, warnings.front());
  if (!keep_float.empty()) require_pattern(keep_float);
  const std::regex kept(keep_float);
  std::map<std::string, int> scheme;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!has_weights(node) || (!keep_float.empty() && std::regex_search(node.name, kept))) continue;
    const std::string& code = codes[i].weight_code;
    if (code == "float") fail("--scheme: '{}' leaves layer '{}' float; say so with --exclude as well", path, node.name);
    require_weight_code(code);
    if (!code.starts_with("int"))
      fail(
          "--scheme: '{}' has '{}' for layer '{}', which does not say bits; int2 to int8 do, with int4-exact for three "
          "bits of magnitude",
          path, code, node.name);
    scheme[node.name] = code[3] - '0' - 1;
  }
  return scheme;
}

}  // namespace bitsieve::cli
