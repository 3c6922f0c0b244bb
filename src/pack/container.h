// The outer form of a .bsv file: a header, a table of sections, the sections. docs/format.md has it to the byte.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bitsieve::pack {

// The first eight bytes. The first is not ASCII and the line ends break when a transfer takes the file for text.
inline constexpr std::string_view magic{
    "\x89"
    "BSV\r\n\x1a\n",
    8};
inline constexpr std::uint32_t format_version = 2;
inline constexpr std::size_t alignment = 64;  // of sections, and of the weights of each layer
inline constexpr std::size_t header_bytes = 64, entry_bytes = 48;
// Where things are in the header and in an entry of the table.
inline constexpr std::size_t at_version = 8, at_header_length = 12, at_file_size = 16, at_section_count = 24,
                             at_header_checksum = 32;
inline constexpr std::size_t at_flags = 4, at_offset = 8, at_size = 16, at_checksum = 24;

struct Section {
  std::string tag;  // four characters
  std::string bytes;
};

struct SectionView {
  std::string tag;
  bool may_be_ignored = false;
  std::string_view bytes;
};

// The file's bytes, sections in the order given.
std::string write_container(const std::vector<Section>& sections);

// Checks everything about the outer form: magic, version, sizes, order, overlap, padding, checksums. The views point
// into `bytes`. Throws Error that says what is wrong, without the file's name.
std::vector<SectionView> read_container(std::string_view bytes);

}  // namespace bitsieve::pack
