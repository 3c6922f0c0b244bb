#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/error.h"

namespace bitsieve {
namespace {

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

// Where bytes go for a file of this name.
struct Place {
  std::string path;    // links followed
  std::string opened;  // what is written: a file beside it, or itself where nothing can be renamed
  bool device = false;
};

Place place_of(const std::string& given) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_type type = fs::status(given, error).type();
  if (type == fs::file_type::character || type == fs::file_type::fifo) return {given, given, true};
  if (type == fs::file_type::directory) fail("cannot write '{}': it is a folder", given);
  if (type == fs::file_type::block || type == fs::file_type::socket)
    fail("cannot write '{}': it is not a regular file", given);
  // What a link leads to is written, not the link, even where nothing is there yet.
  fs::path target = given;
  for (int links = 0; links < 40 && fs::is_symlink(target, error); ++links) {
    target = target.parent_path() / fs::read_symlink(target, error);
  }
  return {target.string(), target.string() + ".tmp" + std::to_string(::getpid()), false};
}

Descriptor open_place(const Place& place) {
  const int flags = place.device ? O_WRONLY : O_WRONLY | O_CREAT | O_TRUNC;
  Descriptor file(::open(place.opened.c_str(), flags | O_CLOEXEC, 0666));
  if (file.get() < 0) fail("cannot write '{}': {}", place.path, std::strerror(errno));
  return file;
}

}  // namespace

ReadableFile open_readable(const std::string& path, std::uint64_t max_bytes) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("cannot read '{}': {}", path, std::strerror(errno));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail("cannot read '{}': {}", path, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) fail("cannot read '{}': it is not a regular file", path);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > max_bytes) fail("cannot read '{}': {} bytes, at most {} are accepted", path, size, max_bytes);
  return {std::move(file), size};
}

std::string read_file(const std::string& path, std::uint64_t max_bytes) {
  const auto [file, size] = open_readable(path, max_bytes);
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
  const Place place = place_of(given);
  const std::string& path = place.path;
  Descriptor file = open_place(place);
  const auto give_up = [&](int reason) {
    if (!place.device) ::unlink(place.opened.c_str());
    fail("cannot write '{}': {}", path, std::strerror(reason));
  };
  if (const int reason = write_all(file.get(), bytes)) give_up(reason);
  if (place.device) return;
  if (::fsync(file.get()) != 0 && errno != EINVAL) give_up(errno);
  if (file.close() != 0) give_up(errno);
  if (std::rename(place.opened.c_str(), path.c_str()) != 0) give_up(errno);
}

bool is_stream(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return false;
  if (!fs::is_regular_file(status)) return !fs::is_directory(status);
  fs::path target = path;
  for (int links = 0; links < 40; ++links) {
    const std::string text = target.string();
    if (text.starts_with("/proc/") || text.starts_with("/dev/fd/")) return true;
    if (!fs::is_symlink(target, error)) return false;
    target = target.parent_path() / fs::read_symlink(target, error);
  }
  return false;
}

void require_writable(const std::string& given) {
  const Place place = place_of(given);
  const Descriptor file = open_place(place);
  if (!place.device) ::unlink(place.opened.c_str());
}

}  // namespace bitsieve
