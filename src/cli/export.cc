// bitsieve export: a quantized model as a file for other runtimes.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "cli/model_file.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "export/qdq.h"

namespace bitsieve::cli {
namespace {

// THE TABLE of forms.
struct Form {
  const char *name, *description;
  std::string (*write)(const QuantizedModel& model, const QdqOptions& options);
};
constexpr Form forms[] = {{"qdq", "ONNX with QuantizeLinear and DequantizeLinear around every operator", write_qdq}};

struct ExportOptions : Options {
  std::vector<std::string> formats;  // of the file, and of what is printed
  std::string form = forms[0].name;
  QdqOptions qdq;
};

// --format names the form and, as for every verb, how to report.
void settle(ExportOptions& options) {
  for (const std::string& format : options.formats) {
    const bool is_form =
        std::any_of(std::begin(forms), std::end(forms), [&](const Form& f) { return format == f.name; });
    (is_form ? options.form : options.format) = format;
  }
}

void run(ExportOptions options) {
  const Stopwatch clock;
  settle(options);
  const ModelFile file = load_model(options.model, options);
  if (!file.packed)
    fail("'{}' is a float network; only quantized models are exported: make a .bsv file with bitsieve quantize",
         options.model);
  const std::string output = options.output.empty()
                                 ? std::filesystem::path(options.model).stem().string() + "-" + options.form + ".onnx"
                                 : options.output;
  require_other_file(output, options, file);
  const Form& form =
      *std::find_if(std::begin(forms), std::end(forms), [&](const Form& f) { return options.form == f.name; });
  const std::string bytes = form.write(file.packed->model, options.qdq);
  write_file_atomically(output, bytes);
  if (options.json()) {
    Json document = run_facts(options, clock);
    document["model"] = options.model;
    document["model_hash"] = file.hash;
    document["form"] = form.name;
    document["batch"] = options.qdq.batch;
    document["signed"] = options.qdq.signed_int8 ? "int8" : "uint8";
    document["bytes"] = bytes.size();
    document["files"] = {output};
    return print_json(document);
  }
  std::printf("written: %s (%zu bytes, %s; the packed file has %lld)\n", output.c_str(), bytes.size(), form.description,
              static_cast<long long>(file.bytes));
}

}  // namespace

void add_export(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<ExportOptions>();
  options->command = command;
  add_model(app, *options, ".bsv file");
  add_output(app, *options, "file to write (default: MODEL-FORM.onnx here)");
  app.remove_option(app.get_option("--format"));
  std::vector<std::string> names{"human", "json"};
  for (const Form& form : forms) names.emplace_back(form.name);
  app.add_option("--format", options->formats,
                 "of the file: qdq (the default); or of the report: human or json; may be given for both")
      ->check(CLI::IsMember(names))
      ->allow_extra_args(false);
  app.add_option("--batch", options->qdq.batch, "images of a run (default: open)")->check(at_least(0, 1 << 20));
  app.add_option_function<std::string>(
         "--signed", [options](const std::string& type) { options->qdq.signed_int8 = type == "int8"; },
         "values that may be negative: uint8, zero point 128 (ONNX Runtime's fast one), or int8, zero point 0")
      ->check(CLI::IsMember({"uint8", "int8"}))
      ->default_str("uint8");
  app.callback([options] { run(*options); });
}

}  // namespace bitsieve::cli
