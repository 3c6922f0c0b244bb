// bitsieve list: the tables.
#include <cstdio>
#include <memory>

#include "accel/energy.h"
#include "accel/machines.h"
#include "base/cpu.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "data/dataset.h"
#include "graph/onnx/reader.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/f32conv/f32conv.h"
#include "kernels/fake_quantize/fake_quantize.h"
#include "kernels/plane_step/plane_step.h"
#include "kernels/qdepthwise/qdepthwise.h"
#include "kernels/qgemm/qgemm.h"
#include "kernels/shift_gemv/shift_gemv.h"
#include "kernels/shift_search/shift_search.h"
#include "kernels/two_of_four/two_of_four.h"
#include "kernels/window/window.h"
#include "kernels/winograd/winograd.h"
#include "methods/methods.h"

namespace bitsieve::cli {
namespace {

struct Row {
  std::string name, description;
};
struct Table {
  const char* key;
  const char* title;
  std::vector<Row> rows;
};

template <class Kernels>
void add_kernels(std::vector<Row>& rows, const Kernels& kernels) {
  for (const auto* kernel : kernels) {
    bool vbmi = false, gfni = false;
    if constexpr (requires { kernel->needs_vbmi; }) vbmi = kernel->needs_vbmi;
    if constexpr (requires { kernel->needs_gfni; }) gfni = kernel->needs_gfni;
    const bool here = isa_supported(kernel->isa) && (!vbmi || vbmi_supported()) && (!gfni || gfni_supported());
    rows.push_back(
        {kernel->name, fmt::format("needs {}{}{}{}", isa_name(kernel->isa), vbmi || gfni ? ", vbmi and vbmi2" : "",
                                   gfni ? ", gfni" : "", here ? "" : " (not on this machine)")});
  }
}

std::vector<Table> tables() {
  std::vector<Table> all(8);
  all[0] = {"weight_codes", "weight codes (--weights)", {}};
  for (const auto& row : weight_codes()) all[0].rows.push_back({row.names, row.description});
  all[1] = {"activation_codes", "activation codes (--activations)", {}};
  for (const auto& row : activation_codes()) all[1].rows.push_back({row.name, row.description});
  all[2] = {"data_sets", "data sets (--data, --calib)", {}};
  for (const auto& row : dataset_kinds())
    all[2].rows.push_back({std::string(row.syntax), std::string(row.description)});
  all[3] = {"kernels", "kernels", {}};
  add_kernels(all[3].rows, qgemm_kernels());
  add_kernels(all[3].rows, winograd_kernels());
  add_kernels(all[3].rows, qdepthwise_kernels());
  add_kernels(all[3].rows, two_of_four_kernels());
  add_kernels(all[3].rows, window_kernels());
  add_kernels(all[3].rows, elementwise_kernels());
  add_kernels(all[3].rows, shift_gemv_kernels());
  add_kernels(all[3].rows, shift_search_kernels());
  add_kernels(all[3].rows, plane_step_kernels());
  add_kernels(all[3].rows, fake_quantize_kernels());
  add_kernels(all[3].rows, f32conv_kernels());
  all[4] = {"verbs", "verbs", {}};
  for (const Verb& verb : verbs) all[4].rows.push_back({verb.name, verb.description});
  all[5] = {"operators", "ONNX operators (opset 7 to 21)", {}};
  for (const std::string& name : supported_onnx_operators()) all[5].rows.push_back({name, ""});
  all[6] = {"machines", "machines (simulate --machine)", {}};
  for (const accel::Machine& machine : accel::machines())
    all[6].rows.push_back({std::string(machine.name), std::string(machine.description)});
  all[7] = {"energy_tables", "energy tables (--energy-table)", {}};
  for (const accel::EnergySet& set : accel::energy_sets())
    all[7].rows.push_back({std::string(set.id), std::string(set.description)});
  return all;
}

void run(const Options& options) {
  Json document = run_facts(options, {});
  for (const Table& table : tables()) {
    if (!options.json()) std::printf("%s\n", table.title);
    Json rows = Json::array();
    for (const Row& row : table.rows) {
      rows.push_back({{"name", row.name}, {"description", row.description}});
      if (!options.json()) std::printf("  %-28s %s\n", row.name.c_str(), row.description.c_str());
    }
    document[table.key] = rows;
  }
  if (options.json()) print_json(document);
}

}  // namespace

void add_list(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<Options>();
  options->command = command;
  app.add_option("--format", options->format, "human or json")->check(CLI::IsMember({"human", "json"}));
  app.callback([options] { run(*options); });
}

}  // namespace bitsieve::cli
