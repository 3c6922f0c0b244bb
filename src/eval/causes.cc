#include "eval/causes.h"

#include <fmt/format.h>

#include <cmath>

namespace bitsieve {
namespace {

// Alone, a layer above this is not worth looking at: its error is below 1/300 of its power, that of a good 8-bit layer.
constexpr double good_db = 25;
// Scores above this are hardly disturbed: classes rarely change (99 % stay with most networks).
constexpr double good_scores_db = 20;
// An accumulated SQNR so much below the layer's own is somebody else's error.
constexpr double inherited_db = 6;

std::string percent(double share) {
  const double p = 100 * share;
  return p >= 10 ? fmt::format("{:.0f} %", p) : p >= 0.1 ? fmt::format("{:.1f} %", p) : fmt::format("{:.2g} %", p);
}

std::string decibels(double db) {
  if (std::isinf(db)) return db > 0 ? "exact" : "all noise";
  return fmt::format("{:.0f} dB", db);
}

bool is_good(const LayerAnalysis& a) { return a.alone_db >= good_db && a.scores_db >= good_scores_db; }

double part(const LayerAnalysis& a, double NoiseParts::*which) {
  const double sum = a.parts.sum();
  return sum > 0 ? a.parts.*which / sum : 0;
}
bool mostly(const LayerAnalysis& a, double NoiseParts::*which) { return part(a, which) >= 0.5; }
bool mostly_window(const LayerAnalysis& a) { return mostly(a, &NoiseParts::window); }
bool mostly_input(const LayerAnalysis& a) { return mostly(a, &NoiseParts::input); }
bool mostly_weights(const LayerAnalysis& a) { return mostly(a, &NoiseParts::weights); }
bool mostly_output(const LayerAnalysis& a) { return mostly(a, &NoiseParts::output); }

// Sums of so few products cannot average out the error of each.
bool few_products(const LayerAnalysis& a) { return a.depthwise || (a.fan_in > 0 && a.fan_in <= 32); }

const char* end_codes(bool signed_values) { return signed_values ? "127" : "255"; }

const CauseRule rules[] = {
    {"float", "computed in float and exact alone, nothing inherited",
     [](const LayerAnalysis& a) { return !a.integer && a.alone_db >= 100 && a.accumulated_db >= 100; },
     [](const LayerAnalysis&) -> std::string { return "computed in float: no error of its own"; }},

    {"inherited", "good itself, at least 6 dB worse in the network",
     [](const LayerAnalysis& a) { return is_good(a) && a.accumulated_db <= a.alone_db - inherited_db; },
     [](const LayerAnalysis& a) {
       const std::string where = a.upstream.empty() ? "the network's input" : fmt::format("'{}' upstream", a.upstream);
       return fmt::format("inherits its error: alone {}, accumulated {}; look at {}", decibels(a.alone_db),
                          decibels(a.accumulated_db), where);
     }},

    {"good", "at least 25 dB alone, and 20 dB of the scores", is_good,
     [](const LayerAnalysis& a) { return fmt::format("good: {} alone", decibels(a.alone_db)); }},

    {"window-end", "mostly windows, half of whose error comes from u8 codes at the end of the range",
     [](const LayerAnalysis& a) { return mostly_window(a) && a.window_end_error >= 0.5 && !a.signed_input; },
     [](const LayerAnalysis& a) {
       return fmt::format(
           "{} of inputs saturate at 255, which every window turns into 240 or less; try --act-top 240{}",
           percent(a.input.saturated), few_products(a) ? ", or int8 here" : "");
     }},

    {"window-shrinks", "mostly windows, which shrink values by 2 % or more on average",
     [](const LayerAnalysis& a) { return mostly_window(a) && a.window_loss >= 0.02; },
     [](const LayerAnalysis& a) {
       const bool trims = a.act_code.find("-trim") != std::string::npos;
       return fmt::format("windows shrink the inputs by {} on average; {}try --repair gain", percent(a.window_loss),
                          trims ? "round instead of trimming, or " : "");
     }},

    {"window-few-products", "mostly windows, in a depthwise layer or with at most 32 products a sum",
     [](const LayerAnalysis& a) { return mostly_window(a) && few_products(a); },
     [](const LayerAnalysis& a) {
       return fmt::format("{}{} products cannot average out window noise; keep this layer at int8",
                          a.depthwise ? "depthwise: " : "", a.fan_in);
     }},

    {"window", "mostly windows", mostly_window,
     [](const LayerAnalysis& a) {
       return fmt::format("{} changes {} of the non-zero inputs; take a finer code here, or int8", a.act_code,
                          percent(a.window_changed));
     }},

    {"clipped-inputs", "mostly the inputs' codes, half of whose error comes from clipped values",
     [](const LayerAnalysis& a) { return mostly_input(a) && a.input.clip_error >= 0.5; },
     [](const LayerAnalysis& a) {
       return fmt::format("{} of inputs are clipped at {}; widen the range: try --calib-method minmax",
                          percent(a.input.saturated), end_codes(a.signed_input));
     }},

    {"input-outliers", "mostly the inputs' codes, half of which are below 4",
     [](const LayerAnalysis& a) { return mostly_input(a) && a.input.small >= 0.5; },
     [](const LayerAnalysis& a) {
       return fmt::format(
           "input range set by outliers: {} of non-zero codes are below 4; try --calib-method percentile",
           percent(a.input.small));
     }},

    {"clipped-outputs", "mostly the output's codes, half of whose error comes from clipped values",
     [](const LayerAnalysis& a) { return mostly_output(a) && a.output.clip_error >= 0.5; },
     [](const LayerAnalysis& a) {
       return fmt::format("{} of outputs are clipped at the end of the range; widen it: try --calib-method minmax",
                          percent(a.output.saturated));
     }},

    {"uneven-filters", "mostly the output's codes; the widest filter is 8 times the median one or more",
     [](const LayerAnalysis& a) { return mostly_output(a) && a.filter_range_ratio >= 8; },
     [](const LayerAnalysis& a) {
       return fmt::format(
           "the widest filter is {:.0f} times the median one, so most channels get few codes; try --equalize",
           a.filter_range_ratio);
     }},

    {"output-outliers", "mostly the output's codes, half of which are below 4",
     [](const LayerAnalysis& a) { return mostly_output(a) && a.output.small >= 0.5; },
     [](const LayerAnalysis& a) {
       return fmt::format(
           "output range set by outliers: {} of non-zero codes are below 4; try --calib-method percentile",
           percent(a.output.small));
     }},

    {"constant-filters", "mostly the weights, with filters whose bias would overflow",
     [](const LayerAnalysis& a) { return mostly_weights(a) && a.constant_filters > 0; },
     [](const LayerAnalysis& a) {
       return fmt::format(
           "{} of {} filters vanish beside their bias and were kept as constants; keep this layer in float "
           "if they matter",
           a.constant_filters, a.filters);
     }},

    {"weights", "mostly the weights, below 8 bits",
     [](const LayerAnalysis& a) { return mostly_weights(a) && a.weight_shifts < 7; },
     [](const LayerAnalysis& a) {
       return fmt::format("{} of its error comes from weights in {}; give this layer more bits, or shifts, a weight",
                          percent(part(a, &NoiseParts::weights)), a.weight_code);
     }},

    {"rounding", "mostly one of inputs, weights and outputs, in 8 bits without any of the above",
     [](const LayerAnalysis& a) { return mostly_input(a) || mostly_weights(a) || mostly_output(a); },
     [](const LayerAnalysis& a) {
       const auto which = mostly_input(a)     ? &NoiseParts::input
                          : mostly_weights(a) ? &NoiseParts::weights
                                              : &NoiseParts::output;
       const char* what = mostly_input(a) ? "inputs" : mostly_weights(a) ? "weights" : "outputs";
       return fmt::format("{} of its error comes from rounding its {} to 8 bits; keep it in float if it matters",
                          percent(part(a, which)), what);
     }},

    {"mixed", "none of the above", [](const LayerAnalysis&) { return true; },
     [](const LayerAnalysis& a) {
       return fmt::format(
           "several causes: inputs {}, weights {}, windows {}, outputs {} of its error; try int8, or float",
           percent(part(a, &NoiseParts::input)), percent(part(a, &NoiseParts::weights)),
           percent(part(a, &NoiseParts::window)), percent(part(a, &NoiseParts::output)));
     }},
};

}  // namespace

std::span<const CauseRule> cause_rules() { return rules; }

const CauseRule& find_cause(const LayerAnalysis& layer) {
  for (const CauseRule& rule : rules) {
    if (rule.test(layer)) return rule;
  }
  return *std::rbegin(rules);
}

std::string likely_cause(const LayerAnalysis& layer) { return find_cause(layer).advice(layer); }

}  // namespace bitsieve
