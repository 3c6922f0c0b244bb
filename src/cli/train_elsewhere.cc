// bitsieve train, in the program bitsieve: goes on as the program bitsieve-train, which has libtorch.
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "base/error.h"
#include "cli/verbs.h"

namespace bitsieve::cli {
namespace {

[[noreturn]] void go_on(const std::vector<std::string>& arguments) {
  std::error_code error;
  std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) here = "bitsieve";
  const std::string program = here.replace_filename("bitsieve-train").string();
  std::vector<char*> argv{const_cast<char*>("bitsieve"), const_cast<char*>("train")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  fail("there is no {}: install libtorch-dev, libopenblas0-openmp and libgloo-dev, configure and build again", program);
}

}  // namespace

void add_train(CLI::App& app, const std::string&) {
  app.set_help_flag();
  app.prefix_command();
  app.callback([&app] { go_on(app.remaining()); });
}

}  // namespace bitsieve::cli
