#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/error.h"

namespace bitsieve {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
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

// 0, or errno.
int write_all(int file, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t wrote = ::write(file, bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    done += static_cast<std::size_t>(wrote);
  }
  return 0;
}

}  // namespace

std::string read_file(const std::string& path, std::uint64_t max_bytes) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("cannot read '{}': {}", path, std::strerror(errno));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail("cannot read '{}': {}", path, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) fail("cannot read '{}': it is not a regular file", path);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > max_bytes) fail("cannot read '{}': {} bytes, at most {} are accepted", path, size, max_bytes);
  std::string bytes(size, '\0');
  std::uint64_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(file.get(), bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read '{}': {}", path, std::strerror(errno));
    if (got == 0) fail("cannot read '{}': it ended after {} of {} bytes", path, done, size);
    done += static_cast<std::uint64_t>(got);
  }
  return bytes;
}

void write_file_atomically(const std::string& given, std::string_view bytes) {
  // What a link leads to is written, not the link.
  std::error_code ignored;
  std::string path = given;
  if (std::filesystem::is_symlink(path, ignored)) {
    const std::filesystem::path link(path), whole = std::filesystem::canonical(link, ignored);
    // Of a link that leads to nothing yet, one step.
    path = ignored ? (link.parent_path() / std::filesystem::read_symlink(link, ignored)).string() : whole.string();
  }
  const std::filesystem::file_type type = std::filesystem::status(path, ignored).type();
  if (type == std::filesystem::file_type::character || type == std::filesystem::file_type::fifo) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));  // nothing to rename there
    if (file.get() < 0) fail("cannot write '{}': {}", path, std::strerror(errno));
    if (const int reason = write_all(file.get(), bytes)) fail("cannot write '{}': {}", path, std::strerror(reason));
    return;
  }
  if (type == std::filesystem::file_type::directory) fail("cannot write '{}': it is a folder", path);
  const std::string temporary = path + ".tmp" + std::to_string(::getpid());
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) fail("cannot write '{}': {}", path, std::strerror(errno));
  const auto give_up = [&](int reason) {
    ::unlink(temporary.c_str());
    fail("cannot write '{}': {}", path, std::strerror(reason));
  };
  if (const int reason = write_all(file.get(), bytes)) give_up(reason);
  if (::fsync(file.get()) != 0 && errno != EINVAL) give_up(errno);
  if (file.close() != 0) give_up(errno);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) give_up(errno);
}

}  // namespace bitsieve
