// bitsieve VERB MODEL [options]. Exit status: 0 done, 1 the work failed, 2 the command line is wrong.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "cli/report.h"
#include "cli/verbs.h"

int main(int argc, char** argv) {
  using namespace bitsieve;
  std::string command = "bitsieve";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  CLI::App app{"Bitsieve: bit-sparse neural networks from ONNX files", "bitsieve"};
  app.set_version_flag("--version", cli::tool_version);
  app.require_subcommand(1);
  for (const cli::Verb& verb : cli::verbs) verb.add(*app.add_subcommand(verb.name, verb.description), command);
  const auto wrong = [&](const std::string& what) {  // in one line
    const auto used = app.get_subcommands();
    std::fprintf(stderr, "bitsieve: %s (see bitsieve%s --help)\n", Error(what).what(),
                 used.empty() ? "" : (" " + used.front()->get_name()).c_str());
    return 2;
  };
  try {
    const auto named = [&](const cli::Verb& verb) { return argc > 1 && std::string_view(argv[1]) == verb.name; };
    if (argc < 2 || (argv[1][0] != '-' && std::none_of(std::begin(cli::verbs), std::end(cli::verbs), named))) {
      std::string names;
      for (const cli::Verb& verb : cli::verbs) names += std::string(names.empty() ? "" : ", ") + verb.name;
      throw Error(
          fmt::format("{}; there are {} (see bitsieve --help)",
                      argc < 2 ? "a command is missing" : fmt::format("there is no command '{}'", argv[1]), names),
          ErrorKind::usage);
    }
    for (int i = 1; i < argc; ++i) {  // else an empty value takes the next option for itself
      const std::string_view word = argv[i];
      if (word.starts_with("--") && word.size() > 3 && word.find('=') + 1 == word.size())
        throw Error(fmt::format("{} a value is missing", word), ErrorKind::usage);
    }
    app.parse(argc, argv);  // verbs run as callbacks
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) fail("cannot write the output: {}", std::strerror(errno));
    return 0;
  } catch (const CLI::CallForHelp& e) {
    return app.exit(e);
  } catch (const CLI::CallForAllHelp& e) {
    return app.exit(e);
  } catch (const CLI::CallForVersion& e) {
    return app.exit(e);
  } catch (const CLI::ExtrasError& e) {  // CLI11 names them last first
    return wrong(fmt::format("not expected: {}", fmt::join(app.remaining(true), " ")));
  } catch (const CLI::ParseError& e) {
    return wrong(e.what());
  } catch (const Error& e) {
    std::fprintf(stderr, "bitsieve: %s\n", e.what());
    return e.kind() == ErrorKind::usage ? 2 : 1;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "bitsieve: out of memory\n");
    return 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bitsieve: internal error, please report it: %s\n", e.what());
    return 1;
  }
}
