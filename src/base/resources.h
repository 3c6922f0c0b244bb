// How much of the machine this process may use: less than all of it where a control group (a container's, a batch
// job's) says so. Versions 1 and 2 of control groups, at their usual place. root: goes before "/proc" and "/sys", for
// tests.
#pragma once
#include <cstdint>
#include <limits>
#include <string>

namespace bitsieve {

// Bytes.
std::int64_t memory_limit(const std::string& root = {});

// Processors that the processor time it is given would fill, rounded up, at least 1; no_limit where it may take all.
inline constexpr int no_limit = std::numeric_limits<int>::max();
int processor_limit(const std::string& root = {});

}  // namespace bitsieve
