#include "pack/container.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"

namespace bitsieve::pack {
namespace {

constexpr std::uint32_t flag_may_be_ignored = 1;
constexpr std::uint32_t max_header_length = 4096, max_sections = 256;

std::string_view text_of(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

// Of the header and the table, with the checksum's own bytes as zeros.
Digest header_digest(std::string_view header_and_table) {
  ContentHash hash;
  hash.update(header_and_table.substr(0, at_header_checksum));
  hash.update(std::string(sizeof(Digest), '\0'));
  hash.update(header_and_table.substr(at_header_checksum + sizeof(Digest)));
  return hash.digest();
}

bool all_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

std::size_t aligned(std::size_t at) { return (at + alignment - 1) / alignment * alignment; }

std::string read_tag(ByteReader& in) {
  std::string tag(in.raw(4));
  for (const char c : tag) {
    if ((c < 'A' || c > 'Z') && (c < '0' || c > '9')) fail("a section's tag is not four capitals or digits");
  }
  return tag;
}

}  // namespace

std::string write_container(const std::vector<Section>& sections) {
  std::size_t at = header_bytes + sections.size() * entry_bytes, end = at;
  ByteWriter table;
  for (const Section& section : sections) {
    at = aligned(end);
    end = at + section.bytes.size();
    table.raw(section.tag);
    table.put(std::uint32_t{0});
    table.put(std::uint64_t{at});
    table.put(std::uint64_t{section.bytes.size()});
    table.raw(text_of(content_digest(section.bytes)));
    table.put(std::uint64_t{0});
  }
  ByteWriter file;
  file.raw(magic);
  file.put(format_version);
  file.put(static_cast<std::uint32_t>(header_bytes));
  file.put(std::uint64_t{end});
  file.count(sections.size());
  file.put(std::uint32_t{0});
  file.align(header_bytes);  // the checksum and what is reserved
  file.raw(table.bytes());
  std::string bytes = file.bytes();
  bytes.replace(at_header_checksum, sizeof(Digest), text_of(header_digest(bytes)));
  bytes.reserve(end);
  for (const Section& section : sections) {
    bytes.resize(aligned(bytes.size()), '\0');
    bytes += section.bytes;
  }
  return bytes;
}

std::vector<SectionView> read_container(std::string_view bytes) {
  if (!bytes.starts_with(magic)) fail("not a bsv file");
  ByteReader in(bytes, "the header");
  in.raw(magic.size());
  const auto version = in.get<std::uint32_t>();
  if (version != format_version)
    fail("version {}, this program reads {}; quantize the network again", version, format_version);
  const auto header_length = in.get<std::uint32_t>();
  const auto file_size = in.get<std::uint64_t>();
  const auto count = in.get<std::uint32_t>();
  if (header_length < header_bytes || header_length > max_header_length || header_length % alignment != 0) {
    fail("the header's length is {}, not a multiple of {} up to {}", header_length, alignment, max_header_length);
  }
  if (bytes.size() < file_size) fail("truncated: {} of {} bytes", bytes.size(), file_size);
  if (bytes.size() > file_size) fail("{} bytes follow the end", bytes.size() - file_size);
  if (count > max_sections) fail("{} sections, at most {} are accepted", count, max_sections);
  const std::size_t table_end = header_length + count * entry_bytes;
  if (table_end > bytes.size()) fail("truncated: the table of {} sections does not fit", count);
  if (bytes.substr(at_header_checksum, sizeof(Digest)) != text_of(header_digest(bytes.substr(0, table_end)))) {
    fail("checksum of the header does not match: the file is damaged");
  }
  constexpr std::size_t after_checksum = at_header_checksum + sizeof(Digest);
  if (in.get<std::uint32_t>() != 0 || !all_zero(bytes.substr(after_checksum, header_bytes - after_checksum))) {
    fail("a reserved field of the header is not zero");
  }

  std::vector<SectionView> sections;
  ByteReader table(bytes.substr(header_length, count * entry_bytes), "the table of sections");
  std::size_t end = table_end;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string tag = read_tag(table);
    const auto flags = table.get<std::uint32_t>();
    const auto offset = table.get<std::uint64_t>(), size = table.get<std::uint64_t>();
    const std::string_view checksum = table.raw(sizeof(Digest));
    if (table.get<std::uint64_t>() != 0 || (flags & ~flag_may_be_ignored) != 0) {
      fail("section {}: a reserved field is not zero", tag);
    }
    if (offset % alignment != 0) fail("section {} starts at {}, not a multiple of {}", tag, offset, alignment);
    if (offset < end) fail("section {} overlaps what is before it", tag);
    if (offset > file_size || size > file_size - offset) fail("section {} lies outside the file", tag);
    if (!all_zero(bytes.substr(end, offset - end))) fail("padding before section {} is not zero", tag);
    end = offset + size;
    const SectionView section{tag, (flags & flag_may_be_ignored) != 0, bytes.substr(offset, size)};
    if (checksum != text_of(content_digest(section.bytes))) {
      fail("checksum of section {} does not match: the file is damaged", tag);
    }
    for (const SectionView& other : sections) {
      if (other.tag == tag) fail("there are two sections {}", tag);
    }
    sections.push_back(section);
  }
  if (end != file_size) fail("the file ends at {}, its last section at {}", file_size, end);
  return sections;
}

}  // namespace bitsieve::pack
