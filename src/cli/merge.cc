// bitsieve merge: the shards of one evaluation, from several processes or machines, as the whole.
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "cli/evaluation.h"
#include "cli/model_file.h"
#include "cli/verbs.h"

namespace bitsieve::cli {
namespace {

void run(Options options, const std::vector<std::string>& paths) {
  const Stopwatch clock;
  for (const std::string& path : paths) {
    if (!options.output.empty() && same_file(options.output, path))
      throw Error(fmt::format("--output: '{}' would be written over one of the parts; name another file", path),
                  ErrorKind::usage);
  }
  std::vector<EvaluationPart> parts;
  for (const std::string& path : paths) parts.push_back(parse_part(read_file(path), path));
  const EvaluationPart whole = merge(parts, paths);
  options.seed = whole.seed;
  if (!options.output.empty()) write_file_atomically(options.output, write_part(whole));
  print_evaluation(whole, options, clock, options.output);
}

}  // namespace

void add_merge(CLI::App& app, const std::string& command) {
  auto options = std::make_shared<Options>();
  auto paths = std::make_shared<std::vector<std::string>>();
  options->command = command;
  app.add_option("PART", *paths, "what bitsieve eval --shard wrote, every shard once, in any order")->required();
  add_format(app, *options);
  add_output(app, *options, "write the whole evaluation, image by image, as eval -o does");
  app.callback([options, paths] { run(*options, *paths); });
}

}  // namespace bitsieve::cli
