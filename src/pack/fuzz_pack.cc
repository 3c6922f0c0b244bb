// libFuzzer target: any bytes are an error or a model that can be written and read again; reading without floats
// accepts it as well. Built with
// -DBITSIEVE_FUZZ=ON; tools/fuzz.sh runs it on the file of tests/fuzz/pack.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "pack/bsv.h"
#include "pack/test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  bitsieve::pack::fix_checksums(bytes);
  bool light = true;
  try {
    bitsieve::read_bsv(bytes, "fuzz", bitsieve::FloatWeights::left_out);
  } catch (const bitsieve::Error&) {
    light = false;
  }
  bitsieve::PackedModel packed;
  try {
    packed = bitsieve::read_bsv(bytes, "fuzz");
  } catch (const bitsieve::Error&) {
    return 0;
  }
  if (!light) std::abort();
  // An Error here ends the run: what was read must pass the checks of writing and come back.
  const std::string written = bitsieve::write_bsv(packed);
  if (bitsieve::write_bsv(bitsieve::read_bsv(written, "fuzz")) != written) std::abort();
  return 0;
}
