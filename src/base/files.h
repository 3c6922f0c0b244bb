// Whole-file reading and all-or-nothing writing.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace bitsieve {

// A regular file opened for reading, and its bytes.
struct ReadableFile {
  Descriptor file;
  std::uint64_t size;
};

// Throws Error naming the path where it cannot be read, is no regular file, or has more than max_bytes.
ReadableFile open_readable(const std::string& path, std::uint64_t max_bytes);

// The bytes of a regular file of at most max_bytes. Throws Error naming the path and the system's reason.
std::string read_file(const std::string& path, std::uint64_t max_bytes = std::uint64_t{4} << 30);

// Writes beside `path`, flushes to disk, then renames: readers see the old file or the whole new one. A link is
// followed; a device or a pipe is written into. Throws Error (no permission, disk full) and leaves nothing behind.
void write_file_atomically(const std::string& path, std::string_view bytes);

// Whether bytes can only be added there: a pipe, a device, or what another program opened for this one (/dev/fd/2,
// also where that is a file). Nothing can be renamed to it.
bool is_stream(const std::string& path);

// Throws Error now where write_file_atomically() would: for what takes long to compute. Opening a pipe waits for its
// reader. Leaves nothing behind.
void require_writable(const std::string& path);

}  // namespace bitsieve
