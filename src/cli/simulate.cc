// bitsieve simulate: cycles, traffic and energy of a quantized model, or of a table of layers, on accelerators.
#include "accel/simulate.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "accel/topology.h"
#include "base/error.h"
#include "base/files.h"
#include "cli/images.h"
#include "cli/machine_options.h"
#include "cli/model_file.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/scalesim_reports.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "search/machine_check.h"
#include "search/machine_cost.h"

namespace bitsieve::cli {
namespace {

namespace fs = std::filesystem;

struct SimulateOptions : Options {
  std::vector<std::string> machines;
  std::int64_t images = simulated_images;
  std::string energy_table, tables, csv;
  std::int64_t check = -1;  // outputs of a layer; 0: all; -1: none
  bool per_layer = false;
};

// A network as layers, and what keeps its weights.
struct Workload {
  std::unique_ptr<ModelFile> file;  // layers refer to it
  std::vector<accel::Layer> layers;
  std::string hash;
};

Workload load_workload(const SimulateOptions& options) {
  Workload work;
  if (options.model.ends_with(".csv")) {
    const std::string text = read_file(options.model, most_text);
    work.layers = accel::parse_topology(text, options.model);
    work.hash = content_hash(text);
    return work;
  }
  work.file = std::make_unique<ModelFile>(load_model(options.model, options));
  work.hash = work.file->hash;
  if (!work.file->packed)
    fail("'{}' is a float network; accelerators compute in integers: make a .bsv file with bitsieve quantize",
         options.model);
  work.layers = accel::layers_of(work.file->packed->model);
  warn_of_uncounted(options, work.file->packed->model.graph);
  return work;
}

std::vector<accel::Parameters> chosen_machines(const SimulateOptions& options) {
  std::vector<accel::Parameters> chosen;
  for (const std::string& name : options.machines) chosen.push_back(machine_from(name));
  if (options.machines.empty()) {
    for (const accel::Machine& machine : accel::machines()) chosen.push_back(machine.defaults);
  }
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (chosen[k].name == chosen[i].name)
        throw Error(fmt::format("--machine: two are called '{}'; give one of them another name in its file: name = "
                                "\"...\"",
                                chosen[i].name),
                    ErrorKind::usage);
    }
  }
  return chosen;
}

// How many outputs each machine has computed as the network does. Machines that cannot run the model have their own
// message.
std::vector<std::int64_t> check_machines(const SimulateOptions& options, const QuantizedModel& model,
                                         const Images& images, const std::vector<accel::Parameters>& machines,
                                         const std::vector<MachineCost>& costs) {
  std::vector<std::int64_t> compared(machines.size(), 0);
  if (options.check < 0) return compared;
  const ImageSet set = images.set();
  std::vector<float> picture(static_cast<std::size_t>(element_count(model.graph.shape(model.graph.input))));
  set.image(0, picture);
  Trace trace(model);
  trace.run(node_runners(model), picture);
  std::vector<accel::Layer> layers = accel::layers_of(model);
  const std::vector<std::vector<std::uint8_t>> inputs = layer_inputs(model, trace, layers);
  for (std::size_t l = 0; l < layers.size(); ++l) layers[l].input = inputs[l];
  Progress progress("checking", static_cast<std::int64_t>(machines.size()));
  for (std::size_t m = 0; m < machines.size(); ++m) {
    if (costs[m].report) compared[m] = check_machine(model, trace, layers, machines[m], options.check);
    progress.set(static_cast<std::int64_t>(m) + 1);
  }
  return compared;
}

// Folders are made; returns what was written.
std::vector<std::string> write_reports(const std::string& folder, const std::vector<accel::Report>& reports) {
  std::vector<std::string> files;
  for (const accel::Report& report : reports) {
    const fs::path own = fs::path(folder) / report.parameters.name;
    std::error_code error;
    fs::create_directories(own, error);
    if (error) fail("--csv: cannot make the folder '{}': {}", own.string(), error.message());
    for (const auto& [name, text] : {std::pair{"COMPUTE_REPORT.csv", compute_report(report)},
                                     std::pair{"BANDWIDTH_REPORT.csv", bandwidth_report(report)}}) {
      files.push_back((own / name).string());
      write_file_atomically(files.back(), text);
    }
  }
  return files;
}

double utilization(const accel::LayerReport& r) { return r.slots > 0 ? r.busy / r.slots : 0; }

double sram_bits(const accel::LayerReport& r) {
  double bits = 0;
  for (const auto& [id, count] : r.counts) {
    if (id.find("buffer") != std::string::npos) bits += count;
  }
  return bits;
}

Json json_of(const accel::LayerReport& r) {
  return {{"name", r.name},
          {"macs", r.macs},
          {"cycles", r.cycles()},
          {"cycles_compute", r.compute},
          {"cycles_stall", r.stall},
          {"utilization", utilization(r)},
          {"dram_bytes", r.traffic.bytes()},
          {"dram_weight_bytes", r.traffic.weights},
          {"sram_accesses", sram_bits(r) / 64},
          {"energy_pj", r.energy},
          {"counts", r.counts}};
}

Json json_of(const accel::Report& report) {
  const accel::Parameters& p = report.parameters;
  Json document = json_of(report.total);
  document.erase("name");
  document["machine"] = p.machine;
  document["name"] = p.name;
  document["parameters"] = to_toml(p);
  document["frames_per_second"] = p.clock_mhz * 1e6 / report.total.cycles();
  document["energy_pj_total"] = accel::total(report.total.energy);
  document["energy_pj_range"] = {report.lowest_pj, report.highest_pj};
  document["layers"] = Json::array();
  for (const accel::LayerReport& r : report.layers) document["layers"].push_back(json_of(r));
  return document;
}

std::vector<std::string> cells_of(const std::string& name, const accel::LayerReport& r) {
  return {name,
          fmt::format("{:.0f}", r.cycles()),
          fmt::format("{:.0f}", r.compute),
          fmt::format("{:.0f}", r.stall),
          fmt::format("{:.1f}", 100 * utilization(r)),
          fmt::format("{:.1f}", r.traffic.bytes() / 1024),
          fmt::format("{:.3f}", accel::total(r.energy) / 1e6)};
}

std::vector<std::string> titles(const char* first) {
  return {first, "cycles", "compute", "waiting", "busy %", "DRAM KiB", "energy uJ"};
}

// How a machine maps what does not fit it evenly: what its file says, and what no file can change.
std::string all_modes_of(const accel::Parameters& p) {
  std::string modes = accel::modes_of(p);
  const std::string_view fixed = accel::require_machine(p.machine).fixed;
  if (!modes.empty() && !fixed.empty()) modes += "; ";
  return modes.append(fixed);
}

// Machines with the same modes together.
void print_modes(const std::vector<accel::Report>& reports) {
  std::vector<std::pair<std::string, std::string>> groups;  // modes, names
  for (const accel::Report& report : reports) {
    const std::string modes = all_modes_of(report.parameters);
    const auto known = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == modes; });
    if (known == groups.end())
      groups.emplace_back(modes, report.parameters.name);
    else
      known->second += ", " + report.parameters.name;
  }
  for (const auto& [modes, names] : groups) std::printf("%s: %s\n", names.c_str(), modes.c_str());
}

void print_layers(const accel::Report& report) {
  std::printf("%s\n", report.parameters.name.c_str());
  Table table(titles("<layer"));
  for (const accel::LayerReport& r : report.layers) table.add(cells_of(r.name, r));
  table.add(cells_of("total", report.total));
  table.print();
  std::printf("\n%s\n", to_toml(report.parameters).c_str());
}

void run(const SimulateOptions& options) {
  const Stopwatch clock;
  const std::vector<accel::Parameters> machines = chosen_machines(options);
  const auto [table_text, table] = energy_table_from(options.energy_table);
  Workload work = load_workload(options);
  if (!options.data.empty() && !work.file)
    throw Error(fmt::format("--data: '{}' holds shapes alone, and no network that could run images", options.model),
                ErrorKind::usage);
  std::optional<Images> images;
  std::vector<MachineCost> costs;
  if (options.data.empty()) {
    costs = machine_costs(work.layers, machines, table);
  } else {
    images.emplace(options.data, false, work.file->preprocessing, work.file->input(), options.images, options.seed);
    Progress progress("simulating", images->size());
    costs = machine_costs(work.file->packed->model, machines, table, images->set(),
                          [&](std::int64_t done) { progress.set(done); });
  }
  const std::int64_t count = images ? images->size() : 0;
  const std::vector<std::int64_t> compared =
      images ? check_machines(options, work.file->packed->model, *images, machines, costs)
             : std::vector<std::int64_t>(machines.size(), 0);
  std::vector<accel::Report> reports;
  std::vector<std::int64_t> checked;  // by report
  Json refused = Json::array();
  for (std::size_t m = 0; m < machines.size(); ++m) {
    if (costs[m].report) {
      reports.push_back(std::move(*costs[m].report));
      checked.push_back(compared[m]);
      continue;
    }
    // Of all machines one may not fit the model; one that was asked for has to.
    if (!options.machines.empty()) fail("{}", costs[m].reason);
    refused.push_back({{"name", machines[m].name}, {"reason", costs[m].reason}});
    warn(options, costs[m].reason);
  }
  for (const accel::Report& report : reports) {
    if (warn_of_processes(options, table, report)) break;
  }
  std::vector<std::string> files;
  if (!options.csv.empty()) files = write_reports(options.csv, reports);
  if (!options.tables.empty()) {
    std::error_code error;
    fs::create_directories(options.tables, error);
    if (error) fail("--tables: cannot make the folder '{}': {}", options.tables, error.message());
    for (const accel::Parameters& p : machines) {
      files.push_back((fs::path(options.tables) / (p.name + ".toml")).string());
      write_file_atomically(files.back(), to_toml(p));
    }
    files.push_back((fs::path(options.tables) / "energy.toml").string());
    write_file_atomically(files.back(), table_text);
  }
  if (options.json()) {
    Json document = run_facts(options, clock);
    document["model"] = options.model;
    document["model_hash"] = work.hash;
    document["energy_table"] = table.id;
    document["images"] = count;
    if (images) document["data"] = options.data;
    if (images) document["data_hash"] = images->hash();
    document["machines"] = Json::array();
    for (std::size_t i = 0; i < reports.size(); ++i) {
      document["machines"].push_back(json_of(reports[i]));
      document["machines"].back()["modes"] = all_modes_of(reports[i].parameters);
      document["machines"].back()["whole_elements"] = accel::by_element(table, reports[i].total.counts);
      if (options.check >= 0) document["machines"].back()["outputs_checked"] = checked[i];
    }
    document["refused"] = refused;
    document["files"] = files;
    return print_json(document);
  }
  if (options.per_layer || reports.size() == 1) {
    for (const accel::Report& report : reports) print_layers(report);
  }
  Table all({"<machine", "array", "cycles", "compute", "waiting", "busy %", "DRAM KiB", "energy uJ",
             "<   with DRAM at both ends", "frames/s"});
  for (const accel::Report& report : reports) {
    const accel::Parameters& p = report.parameters;
    std::vector<std::string> cells = cells_of(p.name, report.total);
    cells.insert(cells.begin() + 1, array_of(p));
    cells.push_back(table.dram_highest > 0
                        ? fmt::format("   {:.1f} to {:.1f}", report.lowest_pj / 1e6, report.highest_pj / 1e6)
                        : "   no range given");
    cells.push_back(fmt::format("{:.1f}", p.clock_mhz * 1e6 / report.total.cycles()));
    all.add(std::move(cells));
  }
  all.print();
  std::printf("\n");
  print_modes(reports);
  std::printf("%s\n", basis_of(count, table).c_str());
  // A table with whole elements may lack some: then both ways of counting stand in one column.
  std::string whole, operations;
  for (const accel::Report& report : reports) {
    std::string& names = accel::by_element(table, report.total.counts) ? whole : operations;
    names += (names.empty() ? "" : ", ") + report.parameters.name;
  }
  const bool knows = std::any_of(table.entries.begin(), table.entries.end(),
                                 [](const accel::EnergyEntry& e) { return e.id.starts_with("element-"); });
  if (knows)
    std::printf("whole elements: %s; by operations: %s\n", whole.empty() ? "none" : whole.c_str(),
                operations.empty() ? "none" : operations.c_str());
  if (options.check >= 0 && !reports.empty())
    std::printf("checked: %lld outputs on each machine, computed by its own arithmetic, are the network's\n",
                static_cast<long long>(checked[0]));
  for (const std::string& path : files) std::printf("written: %s\n", path.c_str());
}

}  // namespace

void add_simulate(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<SimulateOptions>();
  options->command = command;
  add_model(app, *options, "packed model (.bsv), or layers as SCALE-Sim's topology (.csv)");
  app.add_option("--machine", options->machines,
                 "machine of bitsieve list, or a file like those of --tables; repeatable (default: all)")
      ->allow_extra_args(false)
      ->check(not_empty());
  app.add_option("--data", options->data,
                 "images for machines whose time depends on values, KIND:PATH[:SPLIT] (see bitsieve list)")
      ->check(not_empty());
  auto* data = app.get_option("--data");
  app.add_option("--images", options->images, "so many of them, a seeded choice; results are means")
      ->check(at_least(1, 100000))
      ->needs(data);
  app.add_option("--seed", options->seed, "of the choice")->check(at_least(0, UINT64_MAX))->needs(data);
  app.add_option("--energy-table", options->energy_table,
                 "energy table of bitsieve list, or a file like energy.toml of --tables")
      ->check(not_empty());
  app.add_option("--tables", options->tables, "folder to write machines and energy table to, to copy and change")
      ->check(not_empty());
  app.add_option("--csv", options->csv,
                 "folder to write SCALE-Sim's COMPUTE_REPORT and BANDWIDTH_REPORT to, in one for each machine")
      ->check(not_empty());
  app.add_option(
         "--check", options->check,
         "compute so many outputs of every layer as each machine does, on the first image, and compare them with "
         "the network's (0: all)")
      ->check(at_least(0, INT64_MAX))
      ->needs(data);
  app.add_flag("--per-layer", options->per_layer, "layers of every machine (of a single one they are always shown)");
  app.callback([options] { run(*options); });
}

}  // namespace bitsieve::cli
