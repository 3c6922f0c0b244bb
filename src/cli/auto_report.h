// What `auto` prints: the table as it grows, then the summary, or one JSON document.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "accel/energy.h"
#include "cli/images.h"
#include "cli/model_file.h"
#include "cli/report.h"
#include "eval/accuracy.h"
#include "eval/analysis.h"
#include "eval/prefix_cache.h"
#include "search/machine_cost.h"
#include "search/mixed.h"

namespace bitsieve::cli {

// What the frontier of top-1 is drawn against, and by which the recommended recipe is the cheapest.
enum class FrontierAxis {
  bits,  // of weights, shifts and activations, each a cost of its own
  cycles,
  energy,
};
inline constexpr std::array axis_names{"bits", "cycles", "energy"};

// What --machine and --energy-table name.
struct AutoMachine {
  std::string given, table_given;  // as on the command line
  accel::Parameters parameters;
  accel::EnergyTable table;
  std::int64_t images = 0;  // whose values the machine reads; 0: none, shapes decide
};

// One line of the table.
struct AutoPoint {
  Recipe recipe;
  Evaluation result;
  PairedDrop drop;  // against the float network, as agreement and sqnr (dB)
  double agreement = 100, sqnr = INFINITY, weight_bits = 32, act_bits = 32, shifts = 31, weight_sqnr = NAN;
  std::int64_t bytes = 0;           // of the packed model
  std::optional<MachineCost> cost;  // where a machine is given
  bool on_frontier = false;
  std::string recipe_file;
};

struct AutoReport {
  const Options& options;
  const ModelFile& model;
  const Images& images;
  std::string folder;
  bool calibration_reused = false;
  const AutoPoint& reference;
  const std::vector<AutoPoint>& points;
  const AutoPoint& recommended;   // one of the points
  bool within = true;             // it loses at most ...
  double tolerated = 0;           // ... so many points
  const ModelAnalysis& analysis;  // of the recommended one, before repair
  const std::optional<MixedResult>& mixed;
  std::int64_t sensitivity_images = 0;
  const std::vector<std::string>& files;
  const std::vector<std::string>& configs;  // recipe files given instead of the built-in recipes
  const std::optional<AutoMachine>& machine;
  FrontierAxis axis = FrontierAxis::bits;
  PrefixCache::Work work;  // of the evaluations
};

// machine: with columns of cycles and energy.
void print_auto_header(const Options& options, const Images& images, bool machine);
void print_auto_row(const AutoPoint& point);
void print_auto_summary(const AutoReport& report, const Stopwatch& clock);
Json auto_json(const AutoReport& report, const Stopwatch& clock);

}  // namespace bitsieve::cli
