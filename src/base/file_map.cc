#include "base/file_map.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/files.h"

namespace bitsieve {

std::shared_ptr<const FileMap> FileMap::open(const std::string& path, std::uint64_t max_bytes) {
  const auto [file, size] = open_readable(path, max_bytes);
  if (size == 0) return std::shared_ptr<const FileMap>(new FileMap(nullptr, 0));
  // Populated at once: a fault for every few pages would take longer than reading them.
  void* const data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file.get(), 0);
  if (data == MAP_FAILED) fail("cannot read '{}': {}", path, std::strerror(errno));
  return std::shared_ptr<const FileMap>(new FileMap(static_cast<const char*>(data), size));
}

FileMap::~FileMap() {
  if (size_ > 0) ::munmap(const_cast<char*>(data_), size_);
}

void FileMap::release(std::string_view part) const {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page,
             last = reinterpret_cast<std::uintptr_t>(part.data() + part.size()) / page * page;
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace bitsieve
