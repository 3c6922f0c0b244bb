// Every rule of the table with a case made for it: the rule found and its words.
#include "eval/causes.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace bitsieve {
namespace {

constexpr double exact = std::numeric_limits<double>::infinity();

// A dense layer of 100 products under 5opt-round, 15 dB, nearly all of it from `part`.
LayerAnalysis bad_layer(double NoiseParts::*part) {
  LayerAnalysis a;
  a.integer = true;
  a.weight_code = "int8";
  a.act_code = "sparq-5opt-round";
  a.weight_shifts = 7;
  a.act_bits = 4;
  a.fan_in = 100;
  a.filters = 32;
  a.alone_db = a.accumulated_db = 15;
  a.parts = {0.001, 0.001, 0.001, 0.001};
  a.parts.*part = 0.03;
  return a;
}

struct Case {
  const char* cause;
  LayerAnalysis layer;
  const char* words;
};

template <class Change>
Case make(const char* cause, LayerAnalysis layer, const char* words, Change change) {
  change(layer);
  return {cause, std::move(layer), words};
}

std::vector<Case> cases() {
  const LayerAnalysis window = bad_layer(&NoiseParts::window), input = bad_layer(&NoiseParts::input),
                      weights = bad_layer(&NoiseParts::weights), output = bad_layer(&NoiseParts::output);
  return {
      make("float", window, "computed in float: no error of its own",
           [](LayerAnalysis& a) { a.integer = false, a.alone_db = a.accumulated_db = exact; }),
      make("inherited", window, "inherits its error: alone 32 dB, accumulated 9 dB; look at 'conv3' upstream",
           [](LayerAnalysis& a) { a.alone_db = 32, a.accumulated_db = 9, a.upstream = "conv3"; }),
      make("inherited", window, "inherits its error: alone exact, accumulated 9 dB; look at the network's input",
           [](LayerAnalysis& a) { a.alone_db = exact, a.accumulated_db = 9, a.integer = false; }),
      make("good", window, "good: 30 dB alone", [](LayerAnalysis& a) { a.alone_db = 30, a.accumulated_db = 26; }),
      make("window-few-products", window,
           "depthwise: 9 products cannot average out window noise; keep this layer at int8",
           [](LayerAnalysis& a) { a.depthwise = true, a.fan_in = 9, a.window_end_error = 0.4, a.window_loss = 0.01; }),
      make("window-few-products", window, "16 products cannot average out window noise; keep this layer at int8",
           [](LayerAnalysis& a) { a.fan_in = 16; }),
      make("window-end", window,
           "38 % of inputs saturate at 255, which every window turns into 240 or less; try --act-top 240",
           [](LayerAnalysis& a) { a.input.saturated = 0.38, a.window_end_error = 0.8, a.window_loss = 0.1; }),
      make(
          "window-end", window,
          "4.6 % of inputs saturate at 255, which every window turns into 240 or less; try --act-top 240, or int8 here",
          [](LayerAnalysis& a) { a.input.saturated = 0.046, a.window_end_error = 0.5, a.fan_in = 16; }),
      make("window-shrinks", window, "windows shrink the inputs by 12 % on average; try --repair gain",
           [](LayerAnalysis& a) { a.window_loss = 0.12; }),
      make("window-shrinks", window,
           "windows shrink the inputs by 2.5 % on average; round instead of trimming, or try --repair gain",
           [](LayerAnalysis& a) { a.window_loss = 0.025, a.act_code = "sparq-5opt-trim-novs"; }),
      // Signed values have no code 240 to aim at: the rule about the end of the range leaves them alone.
      make("window", window, "sparq-5opt-round changes 62 % of the non-zero inputs; take a finer code here, or int8",
           [](LayerAnalysis& a) { a.window_changed = 0.62, a.window_end_error = 0.8, a.signed_input = true; }),
      make("clipped-inputs", input, "3.0 % of inputs are clipped at 255; widen the range: try --calib-method minmax",
           [](LayerAnalysis& a) { a.input.saturated = 0.03, a.input.clip_error = 0.7, a.input.small = 0.6; }),
      make("clipped-inputs", input, "0.05 % of inputs are clipped at 127; widen the range: try --calib-method minmax",
           [](LayerAnalysis& a) { a.input.saturated = 0.0005, a.input.clip_error = 0.7, a.signed_input = true; }),
      make("input-outliers", input,
           "input range set by outliers: 62 % of non-zero codes are below 4; try --calib-method percentile",
           [](LayerAnalysis& a) { a.input.small = 0.62; }),
      make("clipped-outputs", output,
           "2.0 % of outputs are clipped at the end of the range; widen it: try --calib-method minmax",
           [](LayerAnalysis& a) { a.output.saturated = 0.02, a.output.clip_error = 0.5, a.filter_range_ratio = 40; }),
      make("uneven-filters", output,
           "the widest filter is 40 times the median one, so most channels get few codes; try --equalize",
           [](LayerAnalysis& a) { a.filter_range_ratio = 40, a.output.small = 0.7; }),
      make("output-outliers", output,
           "output range set by outliers: 70 % of non-zero codes are below 4; try --calib-method percentile",
           [](LayerAnalysis& a) { a.output.small = 0.7; }),
      make("constant-filters", weights,
           "3 of 32 filters vanish beside their bias and were kept as constants; keep this layer in float if they "
           "matter",
           [](LayerAnalysis& a) { a.constant_filters = 3, a.weight_shifts = 3; }),
      make("weights", weights,
           "91 % of its error comes from weights in int4; give this layer more bits, or shifts, a weight",
           [](LayerAnalysis& a) { a.weight_shifts = 3, a.weight_code = "int4"; }),
      make("rounding", weights,
           "91 % of its error comes from rounding its weights to 8 bits; keep it in float if it matters",
           [](LayerAnalysis&) {}),
      make("rounding", input,
           "91 % of its error comes from rounding its inputs to 8 bits; keep it in float if it matters",
           [](LayerAnalysis&) {}),
      make("rounding", output,
           "91 % of its error comes from rounding its outputs to 8 bits; keep it in float if it matters",
           [](LayerAnalysis&) {}),
      make("mixed", input,
           "several causes: inputs 40 %, weights 20 %, windows 30 %, outputs 10 % of its error; try int8, or float",
           [](LayerAnalysis& a) {
             a.parts = {0.04, 0.02, 0.03, 0.01};
           }),
  };
}

TEST(Causes, EveryRuleHasACaseAndItsWords) {
  std::set<std::string> seen;
  for (const Case& c : cases()) {
    EXPECT_STREQ(find_cause(c.layer).cause, c.cause);
    EXPECT_EQ(likely_cause(c.layer), c.words);
    seen.insert(c.cause);
  }
  for (const CauseRule& rule : cause_rules()) EXPECT_TRUE(seen.count(rule.cause)) << rule.cause << " has no case";
}

TEST(Causes, NamesAreUniqueAndTheLastRuleAlwaysFits) {
  std::set<std::string> names;
  for (const CauseRule& rule : cause_rules()) EXPECT_TRUE(names.insert(rule.cause).second) << rule.cause;
  EXPECT_TRUE(cause_rules().back().test(LayerAnalysis{}));
}

TEST(Causes, Thresholds) {
  LayerAnalysis a = bad_layer(&NoiseParts::window);
  a.alone_db = 25;
  a.accumulated_db = 19;
  EXPECT_STREQ(find_cause(a).cause, "inherited");
  a.accumulated_db = 19.01;
  EXPECT_STREQ(find_cause(a).cause, "good");
  a.scores_db = 19.99;
  EXPECT_STREQ(find_cause(a).cause, "window");  // good alone, and yet it disturbs the scores
  a.scores_db = 20;
  EXPECT_STREQ(find_cause(a).cause, "good");
  a.alone_db = 24.99;
  a.fan_in = 33;
  EXPECT_STREQ(find_cause(a).cause, "window");
  a.fan_in = 32;
  EXPECT_STREQ(find_cause(a).cause, "window-few-products");
  a.window_loss = 0.0199;
  EXPECT_STREQ(find_cause(a).cause, "window-few-products");
  a.window_loss = 0.02;
  EXPECT_STREQ(find_cause(a).cause, "window-shrinks");
  a.window_end_error = 0.499;
  EXPECT_STREQ(find_cause(a).cause, "window-shrinks");
  a.window_end_error = 0.5;
  EXPECT_STREQ(find_cause(a).cause, "window-end");
}

// No noise, no signal, nothing known: still one line.
TEST(Causes, EmptyAnalysisHasWords) {
  LayerAnalysis a;
  a.integer = true;
  a.alone_db = a.accumulated_db = -exact;
  EXPECT_EQ(likely_cause(a),
            "several causes: inputs 0 %, weights 0 %, windows 0 %, outputs 0 % of its error; try int8, or float");
}

}  // namespace
}  // namespace bitsieve
