#include "cli/interrupt.h"

namespace bitsieve::cli {
namespace {

std::atomic<bool> stop_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // for use in a signal handler

extern "C" void ask_to_stop(int) { stop_asked = true; }

}  // namespace

StopOnSignal::StopOnSignal() {
  stop_asked = false;
  struct sigaction action {};
  action.sa_handler = ask_to_stop;
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, &old_int_);
  sigaction(SIGTERM, &action, &old_term_);
}

StopOnSignal::~StopOnSignal() {
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
}

const std::atomic<bool>& StopOnSignal::asked() const { return stop_asked; }

}  // namespace bitsieve::cli
