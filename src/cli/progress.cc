#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace bitsieve::cli {

Progress::Progress(std::string label, std::int64_t total)
    : label_(std::move(label)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (drawn_) std::fprintf(stderr, "\r\033[K");
}

void Progress::set(std::int64_t done) {
  if (!terminal_) return;
  const std::lock_guard lock(mutex_);
  done_ = std::max(done_, done);
  draw();
}

void Progress::set(std::string label, std::int64_t done, std::int64_t total) {
  if (!terminal_) return;
  const std::lock_guard lock(mutex_);
  if (label != label_) start_ = std::chrono::steady_clock::now();
  label_ = std::move(label);
  total_ = total;
  done_ = done;
  draw();
}

void Progress::draw() {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  drawn_ = true;
  const double share = total_ > 0 ? std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)) : 0;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  constexpr int width = 30;
  const int full = static_cast<int>(share * width);
  std::fprintf(stderr, "\r%s [%s%s] %lld/%lld", label_.c_str(),
               std::string(static_cast<std::size_t>(full), '=').c_str(),
               std::string(static_cast<std::size_t>(width - full), ' ').c_str(), static_cast<long long>(done_),
               static_cast<long long>(total_));
  if (share > 0.01) std::fprintf(stderr, ", %.0f s left", seconds * (1 - share) / share);
  std::fprintf(stderr, "\033[K");
  std::fflush(stderr);
}

}  // namespace bitsieve::cli
