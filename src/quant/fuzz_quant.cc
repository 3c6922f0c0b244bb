// libFuzzer target: any bytes are an Error, or a recipe or calibration that can be written and read again. The first
// byte chooses the parser. Built with -DBITSIEVE_FUZZ=ON; tools/fuzz.sh runs it on the files of tests/fuzz/quant.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "quant/calibration.h"
#include "quant/recipe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bitsieve;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    Recipe recipe;
    try {
      recipe = parse_recipe(bytes, "fuzz");
    } catch (const Error&) {
      return 0;
    }
    if (!(parse_recipe(to_toml(recipe), "fuzz") == recipe)) std::abort();
  } else {
    Calibration calibration;
    try {
      calibration = parse_calibration(bytes, "fuzz");
    } catch (const Error&) {
      return 0;
    }
    const std::string written = to_json(calibration);
    if (to_json(parse_calibration(written, "fuzz")) != written) std::abort();
  }
  return 0;
}
