// Skeleton of a verb: a row for the table in src/cli/verbs.h. To add yours, put it into src/cli/ in a file of its own
// and list it there. A verb adds its options and a callback that does the work; it prints to standard output, and
// everything that goes wrong is an Error, which main turns into one line and the exit status.
#include <cstdio>
#include <memory>

#include "cli/verbs.h"

namespace {

void add_greet(CLI::App& app, const std::string& command) {
  auto name = std::make_shared<std::string>();
  app.add_option("NAME", *name, "whom to greet")->required();
  app.callback([name, command] { std::printf("hello %s (%s)\n", name->c_str(), command.c_str()); });
}

const bitsieve::cli::Verb row{"greet", "says hello", add_greet};

}  // namespace

int main() {
  CLI::App app{"skeleton"};
  row.add(*app.add_subcommand(row.name, row.description), "greet world");
  app.parse("greet world");
}
