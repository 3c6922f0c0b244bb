// libFuzzer target: any bytes are an Error, or a state that is written the same again. The checksum is put right first,
// so that the lists are reached. Built with -DBITSIEVE_FUZZ=ON; tools/fuzz.sh runs it on the files of tests/fuzz/base.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "base/hash.h"
#include "base/state_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bitsieve;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  constexpr std::size_t at_digest = 12, at_body = at_digest + sizeof(Digest);
  if (size >= at_body) {
    const Digest digest = content_digest(std::string_view(bytes).substr(at_body));
    std::copy(digest.begin(), digest.end(), bytes.begin() + at_digest);
  }
  try {
    if (to_bytes(parse_state(bytes, "fuzz")) != bytes) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
