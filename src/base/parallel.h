// Data-parallel loops. Work is split by index only, so results never depend on the number of threads as long as
// each index writes its own place.
#pragma once
#include <cstdint>
#include <functional>

namespace bitsieve {

// Number of processors this process may use, at least 1: those it may run on, or fewer where a container or a batch job
// is given less time.
int available_threads();

// More than any machine's processors are worth to one loop; each takes a stack and a workspace.
inline constexpr int most_threads = 256;

// The workers that parallel_for starts for `count` indices: `threads`, or available_threads() where it is 0 or less;
// never more than there are indices nor than most_threads; at least 1. Memory per worker is for so many.
int worker_count(std::int64_t count, int threads);

// Calls body(index, worker) for every index in [0, count); worker is in [0, worker_count(count, threads)). The first
// exception thrown by a body stops the hand-out of further indices and is rethrown here.
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t index, int worker)>& body);

}  // namespace bitsieve
