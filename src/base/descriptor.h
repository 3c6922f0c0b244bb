// Open files, closed once.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <string>

namespace bitsieve {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int close() {
    int result = fd_ >= 0 ? ::close(fd_) : 0;
    fd_ = -1;
    return result;
  }

 private:
  int fd_;
};

// A regular file opened for reading.
struct ReadableFile {
  Descriptor file;
  std::uint64_t size;  // bytes, at most the limit it was opened with
};

// Fails with a line that names the path where it cannot be read, is no regular file, or has more than max_bytes.
ReadableFile open_readable(const std::string& path, std::uint64_t max_bytes);

}  // namespace bitsieve
