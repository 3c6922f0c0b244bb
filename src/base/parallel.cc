#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/resources.h"

namespace bitsieve {

int available_threads() {
  static const int given = processor_limit();
  cpu_set_t set;
  CPU_ZERO(&set);
  const int all = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                              : static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, std::min(all, given));
}

int worker_count(std::int64_t count, int threads) {
  if (threads <= 0) threads = available_threads();
  return static_cast<int>(std::max<std::int64_t>(std::min<std::int64_t>(std::min(threads, most_threads), count), 1));
}

void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t, int)>& body) {
  threads = worker_count(count, threads);
  if (threads == 1) {
    for (std::int64_t i = 0; i < count; ++i) body(i, 0);
    return;
  }
  std::atomic<std::int64_t> next{0};
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto work = [&](int worker) {
    try {
      for (std::int64_t i; (i = next.fetch_add(1)) < count;) body(i, worker);
    } catch (...) {
      next.store(count);
      std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
    }
  };
  std::vector<std::jthread> pool;
  pool.reserve(static_cast<std::size_t>(threads - 1));
  try {
    for (int worker = 1; worker < threads; ++worker) pool.emplace_back(work, worker);
  } catch (const std::system_error&) {
    // The system gives no more threads: those there are do the work, with the same result.
  }
  work(0);
  pool.clear();  // joins
  if (error) std::rethrow_exception(error);
}

}  // namespace bitsieve
