// bitsieve VERB MODEL [options]. Exit status: 0 done, 1 the work failed, 2 the command line is wrong.
#include <cstdio>

#include "base/error.h"
#include "cli/common.h"

int main(int argc, char** argv) {
  using namespace bitsieve;
  CLI::App app{"Bitsieve: bit-sparse neural networks from ONNX files", "bitsieve"};
  app.require_subcommand(1);
  cli::add_auto(app);
  cli::add_eval(app);
  cli::add_info(app);
  cli::add_list(app);
  try {
    app.parse(argc, argv);  // verbs run as callbacks
    return 0;
  } catch (const CLI::CallForHelp& e) {
    return app.exit(e);
  } catch (const CLI::CallForAllHelp& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    std::fprintf(stderr, "bitsieve: %s (see bitsieve --help)\n", e.what());
    return 2;
  } catch (const Error& e) {
    std::fprintf(stderr, "bitsieve: %s\n", e.what());
    return e.kind() == ErrorKind::usage ? 2 : 1;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "bitsieve: out of memory\n");
    return 1;
  }
}
