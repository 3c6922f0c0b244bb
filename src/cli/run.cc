// bitsieve run: one image in, the most likely classes out.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/files.h"
#include "cli/images.h"
#include "cli/model_file.h"
#include "cli/report.h"
#include "cli/verbs.h"
#include "runtime/executor.h"

namespace bitsieve::cli {
namespace {

std::vector<std::string> read_names(const std::string& path) {
  std::vector<std::string> names;
  const std::string text = read_file(path, 1 << 24);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    names.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

struct Input {
  std::vector<float> image;
  std::string hash;  // of the picture or item
};

// `input`: a picture, or item `index` of a data set KIND:PATH.
Input load_input(const Options& options, const ModelFile& file, const std::string& input, std::int64_t index) {
  std::vector<float> image(static_cast<std::size_t>(element_count(file.input())));
  const bool is_set = input.find(':') != std::string::npos && !std::ifstream(input).good();
  const Images images(is_set ? input : "image:" + input, false, file.preprocessing, file.input(), 0, 0);
  if (index < 0 || index >= images.size())
    fail("--index {}: '{}' holds items 0 to {}", index, input, images.size() - 1);
  warn_of_default_preprocessing(options, file, images);
  images.load(index, image);
  return {std::move(image), images.hash(index)};
}

void run(Options options, const std::string& input, std::int64_t index, std::int64_t top,
         const std::string& names_path) {
  const Stopwatch clock;
  options.threads = 1;  // as run_facts says
  const ModelFile file = load_model(options.model, options);
  const QuantizedModel model = file.packed ? file.packed->model : float_model(file.graph);
  std::vector<std::string> names;
  if (!names_path.empty()) names = read_names(names_path);
  const auto [image, hash] = load_input(options, file, input, index);
  const Executor executor(model, options.plain);
  Executor::Workspace workspace;
  std::vector<float> scores;
  executor.run(image, workspace, scores);
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  order.resize(std::min<std::size_t>(order.size(), static_cast<std::size_t>(top)));
  const auto name = [&](std::size_t i) { return i < names.size() ? names[i] : std::string(); };
  if (options.json()) {
    Json document = run_facts(options, clock);
    document["model"] = options.model;
    document["model_hash"] = file.hash;
    document["input"] = input;
    document["data_hash"] = hash;
    for (const std::size_t i : order)
      document["top"].push_back({{"class", i}, {"name", name(i)}, {"score", number(scores[i])}});
    return print_json(document);
  }
  for (const std::size_t i : order) std::printf("%5zu  %10.4f  %s\n", i, scores[i], name(i).c_str());
}

}  // namespace

void add_run(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<Options>();
  auto input = std::make_shared<std::string>(), names = std::make_shared<std::string>();
  auto index = std::make_shared<std::int64_t>(0), top = std::make_shared<std::int64_t>(5);
  options->command = command;
  add_model(app, *options);
  app.add_option("INPUT", *input, "picture (JPEG, PNG), or a data set KIND:PATH[:SPLIT]")->required();
  app.add_option("--index", *index, "which item of the data set")->capture_default_str();
  app.add_option("--top", *top, "how many classes")->check(at_least(1))->capture_default_str();
  app.add_option("--names", *names, "file with one class name a line");
  app.add_option("--preprocess", options->preprocess, "preprocessing file (default: MODEL with the ending .toml)");
  app.add_flag("--plain", options->plain, "the plain executor instead of the fast one");
  app.callback([=] { run(*options, *input, *index, *top, *names); });
}

}  // namespace bitsieve::cli
