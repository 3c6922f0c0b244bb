// THE TABLE of verbs: each adds its sub-command, whose callback does the work. One file per verb.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace bitsieve::cli {

struct Verb {
  const char* name;
  const char* description;
  // Adds options to `app` and sets its callback; `command` is the whole command line.
  void (*add)(CLI::App& app, const std::string& command);
};

void add_info(CLI::App& app, const std::string& command);
void add_calibrate(CLI::App& app, const std::string& command);
void add_quantize(CLI::App& app, const std::string& command);
void add_eval(CLI::App& app, const std::string& command);
void add_merge(CLI::App& app, const std::string& command);
void add_analyze(CLI::App& app, const std::string& command);
void add_auto(CLI::App& app, const std::string& command);
void add_bench(CLI::App& app, const std::string& command);
void add_run(CLI::App& app, const std::string& command);
void add_simulate(CLI::App& app, const std::string& command);
void add_train(CLI::App& app, const std::string& command);
void add_export(CLI::App& app, const std::string& command);
void add_list(CLI::App& app, const std::string& command);

inline constexpr Verb verbs[] = {
    {"auto", "the whole way: float check, INT8, SPARQ, SWIS and both in one table", add_auto},
    {"info", "operators, shapes, parameters, MACs and weight bit statistics", add_info},
    {"calibrate", "one pass over images; writes the calibration file", add_calibrate},
    {"quantize", "model + calibration + recipe -> quantized model (.bsv)", add_quantize},
    {"eval", "accuracy of a float or quantized model on labelled images", add_eval},
    {"merge", "the shards of one evaluation, from several processes or machines, as the whole", add_merge},
    {"analyze", "error layer by layer, worst first, with the likely cause", add_analyze},
    {"train", "training on labelled images: float, BSQ, QAT, MSQ or SWIS weights; writes an ONNX or a .bsv file",
     add_train},
    {"simulate", "cycles, traffic and energy on accelerators", add_simulate},
    {"run", "one image in, the most likely classes out", add_run},
    {"bench", "speed, layer by layer", add_bench},
    {"export", "a quantized model for other runtimes: ONNX with QuantizeLinear and DequantizeLinear", add_export},
    {"list", "weight codes, activation codes, data sets, operators, kernels and machines", add_list},
};

}  // namespace bitsieve::cli
