// Data-parallel loops. Work is split by index only, so results never depend on the number of threads as long as
// each index writes its own place.
#pragma once
#include <cstdint>
#include <functional>

namespace bitsieve {

// Number of processors this process may use, at least 1.
int available_threads();

// Calls body(index, worker) for every index in [0, count); worker is in [0, threads). The first exception thrown
// by a body stops the hand-out of further indices and is rethrown here. threads <= 0 means available_threads().
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t index, int worker)>& body);

}  // namespace bitsieve
