// A progress bar on standard error, on a terminal only.
#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace bitsieve::cli {

class Progress {
 public:
  Progress(std::string label, std::int64_t total);
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` of the total; may be called from several threads; draws at most ten times a second.
  void set(std::int64_t done);
  void set(std::string label, std::int64_t done, std::int64_t total);

 private:
  void draw();

  std::mutex mutex_;
  std::string label_;
  std::int64_t total_ = 0, done_ = 0;
  bool terminal_ = false, drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace bitsieve::cli
