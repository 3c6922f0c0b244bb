// What every result holds, and messages to people.
#pragma once
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/options.h"
#include "eval/accuracy.h"
#include "quant/model.h"

namespace bitsieve::cli {

using Json = nlohmann::ordered_json;

inline constexpr const char* tool_version = "0.1.0";

// To standard error, as --log-level says.
void inform(const Options& options, const std::string& line);
void warn(const Options& options, const std::string& line);

// Starts the clock of wall_seconds.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// tool_version, command, seed, threads, cpu, isa, wall_seconds.
Json run_facts(const Options& options, const Stopwatch& clock);

// top1, top5, top1_ci95, count, correct, images_per_second.
Json accuracy_json(const Evaluation& evaluation);

// A finite number, or null.
Json number(double x);

// Sizes of a model's layers with weights. Stored bits count everything a layer needs (quant/model.h).
struct LayerSize {
  int node = 0;
  std::int64_t params = 0, weights = 0, macs = 0;
  double stored_bits = 0;
  double bits_per_weight() const { return weights ? stored_bits / static_cast<double>(weights) : 0; }
};
std::vector<LayerSize> layer_sizes(const QuantizedModel& model);
double avg_bits_per_weight(const QuantizedModel& model);
// Activation bits that meet the multipliers, weighted by MACs.
double avg_act_bits(const QuantizedModel& model);

// Mean over the integer layers, weighted by their weights: the float weights' power over that of what the integers
// differ from them, in dB. Infinite layers count as 100 dB.
double weight_sqnr_db(const QuantizedModel& model);
// Cycles for a weight on a processing element with one shifter, weighted by MACs; 31 for a float one.
double avg_shifts(const QuantizedModel& model);

// [{name, op, weight_code, act_code, w_bits, shifts, a_bits, macs, params, bits_per_weight, kernel}], conv and linear.
Json layers_json(const QuantizedModel& model, bool plain = false);

// To standard output, as the only thing there.
void print_json(const Json& document);

}  // namespace bitsieve::cli
