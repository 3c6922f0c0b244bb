// How much memory this process may use.
#pragma once
#include <cstdint>
#include <string>

namespace bitsieve {

// Bytes: the machine's memory, or less where a control group of this process (a container's, a batch job's) allows
// less. Versions 1 and 2 of control groups, at their usual place. root: goes before "/proc" and "/sys", for tests.
std::int64_t memory_limit(const std::string& root = {});

}  // namespace bitsieve
