// SIGINT and SIGTERM as a flag that long work looks at.
#pragma once
#include <atomic>
#include <csignal>

namespace bitsieve::cli {

// While this lives, the signals set the flag; a second one ends the program. One at a time.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  const std::atomic<bool>& asked() const;

 private:
  struct sigaction old_int_ {
  }, old_term_{};
};

}  // namespace bitsieve::cli
