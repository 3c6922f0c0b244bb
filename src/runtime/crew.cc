#include "runtime/crew.h"

#include <system_error>
#include <utility>

#include "base/error.h"

namespace bitsieve {
namespace {

// Layers follow each other within microseconds, and waking a thread costs tens of them: looking again for about 100
// microseconds is cheaper than sleeping.
constexpr int kSpins = 2000;

// Tells the processor that this is a wait; 40 to 150 cycles where it knows the instruction.
void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

Crew::Crew(int threads) {
  try {
    for (int worker = 1; worker < threads; ++worker) helpers_.emplace_back([this, worker] { serve(worker); });
  } catch (const std::system_error& e) {
    const std::size_t started = helpers_.size() + 1;
    stop();
    fail("cannot start {} threads, only {}: {}; ask for fewer with --threads", threads, started, e.code().message());
  } catch (...) {
    stop();
    throw;
  }
}

Crew::~Crew() { stop(); }

void Crew::stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    ++round_;
  }
  wake_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
  helpers_.clear();
}

void Crew::run_job(const Job& job) {
  if (helpers_.empty() || job.count <= 1) {
    for (std::int64_t i = 0; i < job.count; ++i) job.call(job.context, i, 0);
    return;
  }
  job_ = job;
  next_ = 0;
  busy_ = static_cast<int>(helpers_.size());
  {
    std::lock_guard lock(mutex_);
    ++round_;
  }
  wake_.notify_all();
  work(0);
  for (int spins = 0; busy_.load() != 0; ++spins) {
    spins > kSpins ? std::this_thread::yield() : pause();
  }
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Crew::work(int worker) {
  try {
    for (std::int64_t i; (i = next_.fetch_add(1)) < job_.count;) job_.call(job_.context, i, worker);
  } catch (...) {
    next_ = job_.count;
    std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
  }
}

void Crew::serve(int worker) {
  for (std::uint64_t seen = 0;;) {
    for (int spins = 0; round_.load() == seen && spins < kSpins; ++spins) pause();
    if (round_.load() == seen) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return round_.load() != seen; });
    }
    seen = round_.load();
    if (stop_) return;
    work(worker);
    --busy_;
  }
}

}  // namespace bitsieve
