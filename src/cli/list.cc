// bitsieve list: the tables.
#include <cstdio>

#include "cli/common.h"
#include "methods/methods.h"

namespace bitsieve::cli {

void add_list(CLI::App& app) {
  auto* verb = app.add_subcommand("list", "weight codes, activation codes and data sets");
  verb->callback([] {
    std::printf("weight codes\n");
    for (const auto& row : weight_codes()) {
      std::printf("  %-24s %s\n", std::string(row.name).c_str(), std::string(row.description).c_str());
    }
    std::printf("activation codes\n");
    for (const auto& row : activation_codes()) {
      std::printf("  %-24s %s\n", std::string(row.name).c_str(), std::string(row.description).c_str());
    }
    std::printf("data sets\n");
    for (const auto& row : dataset_kinds()) {
      std::printf("  %-24s %s\n", std::string(row.name).c_str(), std::string(row.description).c_str());
    }
  });
}

}  // namespace bitsieve::cli
