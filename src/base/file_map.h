// A file in memory as the operating system maps it: nothing is copied, and pages that nobody reads cost nothing.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bitsieve {

class FileMap {
 public:
  // A regular file of at most max_bytes. Throws Error naming the path and the system's reason.
  static std::shared_ptr<const FileMap> open(const std::string& path, std::uint64_t max_bytes = std::uint64_t{4} << 30);
  ~FileMap();
  FileMap(const FileMap&) = delete;
  FileMap& operator=(const FileMap&) = delete;

  // Valid as long as this object. Another program that makes the file shorter meanwhile ends this one (SIGBUS), and one
  // that writes into it changes what is read here; bitsieve itself only ever replaces files.
  std::string_view bytes() const { return {data_, size_}; }

  // The whole pages of `part`, which lies in bytes(), leave this process's memory; they come back from the system's
  // cache, or from the disk, when they are read again.
  void release(std::string_view part) const;

 private:
  FileMap(const char* data, std::size_t size) : data_(data), size_(size) {}
  const char* data_;
  std::size_t size_;
};

}  // namespace bitsieve
