#include "accel/parameters.h"

#include <gtest/gtest.h>

#include "accel/machines.h"
#include "base/error.h"

namespace bitsieve::accel {
namespace {

const Parameters& defaults(const std::string& machine) { return require_machine(machine).defaults; }

Parameters parsed(const std::string& text) { return parse_parameters(text, "m.toml", defaults); }

std::string error_of(const std::string& text) {
  try {
    parsed(text);
  } catch (const Error& e) {
    return e.what();
  }
  return "none";
}

TEST(Parameters, AreWhatWasWritten) {
  for (const Machine& machine : machines()) {
    Parameters p = machine.defaults;
    EXPECT_EQ(to_toml(parsed(to_toml(p))), to_toml(p));
    EXPECT_EQ(to_toml(p).find("drain") != std::string::npos, (p.keys & array_key::drain) != 0);
    p.name = "mine";
    p.rows = 3;
    p.drain = Drain::serial;
    p.partial = Partial::full;
    p.depthwise = Depthwise::separate;
    p.vectors = Vectors::array;
    p.windows = Windows::opt2;
    p.double_buffered = false;
    p.dram_gb_per_s = 2.5;
    EXPECT_EQ(to_toml(parsed(to_toml(p))), to_toml(p));
  }
  EXPECT_EQ(modes_of(defaults("swis-single")), "drain overlapped; partial exact; depthwise column; vectors row");
  EXPECT_EQ(modes_of(parsed("machine = \"systolic-ws\"\n[array]\npartial = \"full\"\n")), "partial full");
  EXPECT_EQ(modes_of(defaults("stripes")), "");
  const Parameters p = parsed("machine = \"stripes\"\n[array]\nrows = 4\n");
  EXPECT_EQ(p.rows, 4);
  EXPECT_EQ(p.columns, defaults("stripes").columns);
  EXPECT_EQ(p.name, "stripes");
}

TEST(Parameters, RefuseWhatTheyDoNotKnow) {
  EXPECT_EQ(error_of("[array]\nrows = 4"),
            "'m.toml' does not say which machine it is: machine = \"NAME\", as bitsieve list names them");
  EXPECT_NE(error_of("machine = \"abacus\"").find("there is no machine 'abacus'; there are systolic-os, "),
            std::string::npos);
  const std::string start = "machine = \"stripes\"\n";
  EXPECT_EQ(error_of(start + "[array]\nrows = 0"), "'m.toml' line 3: array.rows must be a whole number from 1 to 4096");
  EXPECT_EQ(error_of(start + "[array]\nrow = 1"),
            "'m.toml' line 3: machine 'stripes' has no 'array.row'; it has rows, columns, lanes, units");
  // What another machine has, this one would pass over.
  EXPECT_EQ(error_of(start + "[array]\ndrain = \"none\""),
            "'m.toml' line 3: machine 'stripes' has no 'array.drain'; it has rows, columns, lanes, units");
  EXPECT_EQ(error_of("machine = \"systolic-os\"\n[array]\ndrain = \"slow\""),
            "'m.toml' line 3: array.drain must be \"none\" or \"serial\" or \"overlapped\"");
  EXPECT_EQ(error_of("machine = \"sparq-systolic\"\n[array]\nwindows = \"6opt\""),
            "'m.toml' line 3: array.windows must be \"5opt\" or \"3opt\" or \"2opt\"");
  EXPECT_EQ(error_of(start + "[clock]\nmhz = nan"), "'m.toml' line 3: clock.mhz must be a number from 1 to 100000");
  EXPECT_EQ(error_of(start + "speed = 1"),
            "'m.toml' line 2: unknown key 'speed'; allowed are machine, name, [array], [clock] and [memory]");
  for (const char* name : {"../x", ".x", "a b", "a\\\"b", "energy"}) {
    EXPECT_EQ(error_of(start + "name = \"" + name + "\""),
              "'m.toml' line 2: name must be up to 64 letters, digits, '-', '_' and '.', which does not come first, "
              "and not energy")
        << name;
  }
  EXPECT_EQ(error_of(start + "memory = 1"), "'m.toml' line 2: memory must be a table");
  EXPECT_NE(error_of("machine = ").find("'m.toml' line 1: "), std::string::npos);
}

}  // namespace
}  // namespace bitsieve::accel
