// libFuzzer target: any bytes are an Error, or a part of an evaluation that can be written and read again, and merged
// where it is the only shard. Built with -DBITSIEVE_FUZZ=ON; tools/fuzz.sh runs it on the files of tests/fuzz/eval.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "eval/part.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bitsieve;
  EvaluationPart part;
  try {
    part = parse_part({reinterpret_cast<const char*>(data), size}, "fuzz");
  } catch (const Error&) {
    return 0;
  }
  const std::string written = write_part(part), origin = "fuzz";
  const EvaluationPart again = parse_part(written, origin);
  if (write_part(again) != written || again.data_hash() != part.data_hash()) std::abort();
  if (part.shard.count == 1 && write_part(merge({&part, 1}, {&origin, 1})) != written) std::abort();
  return 0;
}
