// Damaged files: every one is an error of one line, or the same model; never a crash. Run it with the sanitizers too.
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "pack/bsv.h"
#include "pack/sample_model.h"
#include "pack/test_support.h"

namespace bitsieve {
namespace {

// "" for a file that was read.
std::string error_of(std::string_view bytes) {
  try {
    read_bsv(bytes, "damaged.bsv");
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

const std::string& sample() {
  static const std::string bytes = write_bsv(pack::SampleModel().packed());
  return bytes;
}

void expect_one_line(const std::string& error) {
  EXPECT_TRUE(error.starts_with("'damaged.bsv': ")) << error;
  EXPECT_EQ(error.find_first_of("\n\r\x1b"), std::string::npos) << error;
}

TEST(Damage, EveryTruncationIsAnError) {
  for (std::size_t size = 0; size < sample().size(); ++size) {
    std::string bytes = sample().substr(0, size);
    const std::string error = error_of(bytes);
    ASSERT_NE(error, "") << size;
    expect_one_line(error);
    if (size >= pack::header_bytes) {
      ASSERT_EQ(error, fmt::format("'damaged.bsv': truncated: {} of {} bytes", size, sample().size()));
    }
    pack::fix_checksums(bytes);
    ASSERT_NE(error_of(bytes), "") << size;
  }
}

TEST(Damage, EveryChangedByteIsAnError) {
  for (std::size_t at = 0; at < sample().size(); ++at) {
    for (const unsigned change : {0x01u, 0x80u, 0xffu}) {
      std::string bytes = sample();
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ change);
      const std::string error = error_of(bytes);
      ASSERT_NE(error, "") << at;
      expect_one_line(error);
    }
  }
}

// Behind right checksums a changed byte may give another model, but that is a sound one: it can be written and read.
TEST(Damage, EveryChangedByteWithRightChecksums) {
  int accepted = 0, refused = 0;
  for (std::size_t at = 0; at < sample().size(); ++at) {
    for (const unsigned change : {0x01u, 0x02u, 0x40u, 0x80u, 0xffu}) {
      std::string bytes = sample();
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ change);
      pack::fix_checksums(bytes);
      PackedModel packed;
      try {
        packed = read_bsv(bytes, "damaged.bsv");
      } catch (const Error& error) {
        expect_one_line(error.what());
        ++refused;
        continue;
      }
      ++accepted;
      const std::string written = write_bsv(packed);
      ASSERT_EQ(write_bsv(read_bsv(written, "again")), written) << at;
    }
  }
  EXPECT_GT(accepted, 1000);  // weights, scales, names
  EXPECT_GT(refused, 1000);   // sizes, ids, types
}

// Words that tend to hurt, at every aligned place of the file.
TEST(Damage, HostileNumbers) {
  const std::uint32_t words[] = {0,          1,          0x7fffffff, 0x80000000, 0xffffffff,
                                 0x00010000, 0x40000000, 0x7fc00000, 0xff800000};
  for (std::size_t at = pack::at_version; at + 4 <= sample().size(); ++at) {
    for (const std::uint32_t word : words) {
      std::string bytes = sample();
      std::memcpy(bytes.data() + at, &word, sizeof(word));
      pack::fix_checksums(bytes);
      const std::string error = error_of(bytes);
      if (!error.empty()) expect_one_line(error);
    }
  }
}

TEST(Damage, Messages) {
  const auto changed = [](std::size_t at, auto value, bool fix) {
    std::string bytes = sample();
    std::memcpy(bytes.data() + at, &value, sizeof(value));
    if (fix) pack::fix_checksums(bytes);
    return error_of(bytes);
  };
  constexpr std::size_t entry = pack::header_bytes + 2 * pack::entry_bytes;  // PREP
  EXPECT_EQ(error_of(""), "'damaged.bsv': not a bsv file");
  EXPECT_EQ(error_of("\x08\x07onnx, perhaps"), "'damaged.bsv': not a bsv file");
  EXPECT_EQ(changed(pack::at_version, 1, true),
            "'damaged.bsv': version 1, this program reads 2; quantize the network again");
  EXPECT_EQ(changed(pack::at_header_length, 68, true),
            "'damaged.bsv': the header's length is 68, not a multiple of 64 up to 4096");
  EXPECT_EQ(error_of(sample() + "x"), "'damaged.bsv': 1 bytes follow the end");
  EXPECT_EQ(changed(pack::header_bytes, 'X', false),
            "'damaged.bsv': checksum of the header does not match: the file is damaged");
  EXPECT_EQ(changed(sample().size() - 1, 'X', false),
            "'damaged.bsv': checksum of section WGHT does not match: the file is damaged");
  EXPECT_EQ(changed(pack::header_bytes, 'X', true),
            "'damaged.bsv': section XNFO is unknown: the file was written by a newer program");
  EXPECT_EQ(changed(pack::header_bytes + pack::at_flags, 1, true).substr(0, 15), "");
  EXPECT_EQ(changed(pack::header_bytes + pack::at_flags, 2, true),
            "'damaged.bsv': section INFO: a reserved field is not zero");
  EXPECT_EQ(changed(entry + pack::at_offset, std::uint64_t{65}, true),
            "'damaged.bsv': section PREP starts at 65, not a multiple of 64");
  EXPECT_EQ(changed(entry + pack::at_offset, std::uint64_t{64}, true),
            "'damaged.bsv': section PREP overlaps what is before it");
  EXPECT_EQ(changed(entry + pack::at_offset, ~std::uint64_t{63}, true),
            "'damaged.bsv': section PREP lies outside the file");
  EXPECT_EQ(changed(entry + pack::at_size, ~std::uint64_t{0}, true),
            "'damaged.bsv': section PREP lies outside the file");
  EXPECT_EQ(changed(entry + pack::at_size, std::uint64_t{1000}, true),
            "'damaged.bsv': section GRPH overlaps what is before it");
}

TEST(Damage, SectionsMissingTwiceOrOfTheFuture) {
  std::vector<pack::Section> sections;
  for (const pack::SectionView& view : pack::read_container(sample()))
    sections.push_back({view.tag, std::string(view.bytes)});
  for (std::size_t i = 0; i < sections.size(); ++i) {
    std::vector<pack::Section> less = sections, more = sections;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(error_of(pack::write_container(less)),
              fmt::format("'damaged.bsv': section {} is missing", sections[i].tag));
    more.push_back(sections[i]);
    EXPECT_EQ(error_of(pack::write_container(more)),
              fmt::format("'damaged.bsv': there are two sections {}", sections[i].tag));
    // Nothing but text may have bytes at its end that nobody reads.
    more = sections;
    more[i].bytes += '\0';
    EXPECT_NE(error_of(pack::write_container(more)), "") << sections[i].tag;
  }
  // A later program's addition that may be ignored.
  sections.push_back({"SWIS", "streams"});
  std::string bytes = pack::write_container(sections);
  EXPECT_EQ(error_of(bytes), "'damaged.bsv': section SWIS is unknown: the file was written by a newer program");
  bytes[pack::header_bytes + 7 * pack::entry_bytes + pack::at_flags] = 1;
  pack::fix_checksums(bytes);
  EXPECT_EQ(write_bsv(read_bsv(bytes, "test")), sample());
}

TEST(Damage, Noise) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = sample();
    for (int i = 0; i < 1 + round % 20; ++i)
      bytes[pack::at_version + random() % (bytes.size() - pack::at_version)] = static_cast<char>(random());
    pack::fix_checksums(bytes);
    error_of(bytes);
  }
}

}  // namespace
}  // namespace bitsieve
