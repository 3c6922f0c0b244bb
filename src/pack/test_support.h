// What the tests and the fuzz target of this folder share.
#pragma once
#include <cstring>
#include <string>

#include "base/hash.h"
#include "pack/container.h"

namespace bitsieve::pack {

// Makes the checksums of damaged bytes right again as far as their table can be followed, so that the damage is met by
// the checks behind the checksums. Any bytes will do.
inline void fix_checksums(std::string& bytes) {
  const auto number = [&](std::size_t at, auto value) {
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
  };
  const auto store = [&](std::size_t at, const Digest& digest) {
    std::memcpy(bytes.data() + at, digest.data(), digest.size());
  };
  if (bytes.size() < header_bytes) return;
  const std::size_t start = number(at_header_length, std::uint32_t{}),
                    count = number(at_section_count, std::uint32_t{});
  const std::size_t table_end = start + count * entry_bytes;
  if (start < header_bytes || table_end > bytes.size()) return;
  for (std::size_t entry = start; entry < table_end; entry += entry_bytes) {
    const auto offset = number(entry + at_offset, std::uint64_t{}), size = number(entry + at_size, std::uint64_t{});
    if (offset > bytes.size() || size > bytes.size() - offset) continue;
    store(entry + at_checksum, content_digest(std::string_view(bytes).substr(offset, size)));
  }
  store(at_header_checksum, Digest{});
  store(at_header_checksum, content_digest(std::string_view(bytes).substr(0, table_end)));
}

}  // namespace bitsieve::pack
