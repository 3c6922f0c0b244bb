// libFuzzer target: bsv_reader.c takes any bytes, and where the C++ reader takes them too, both see the same integers.
// Built with -DBITSIEVE_FUZZ=ON; tools/fuzz.sh runs it on the seeds of fuzz_pack.
#include <cstdlib>

#include "base/error.h"
#include "pack/test_support.h"
#include "test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const bitsieve::CLayers c = bitsieve::read_with_c(bytes);
  bitsieve::pack::fix_checksums(bytes);
  bitsieve::PackedModel packed;
  try {
    packed = bitsieve::read_bsv(bytes, "fuzz");
  } catch (const bitsieve::Error&) {
    return 0;
  }
  if (!c.error.empty() || c.layers != bitsieve::layers_of(packed.model)) std::abort();
  return 0;
}
