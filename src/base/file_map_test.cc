#include "base/file_map.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/files.h"

namespace bitsieve {
namespace {

class FileMapTest : public testing::Test {
 protected:
  FileMapTest() { std::filesystem::create_directories(folder_); }
  ~FileMapTest() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& bytes) const {
    const std::string path = folder_ + "/" + name;
    write_file_atomically(path, bytes);
    return path;
  }
  std::string folder_ = testing::TempDir() + "file_map_test";
};

std::string message(const std::string& path, std::uint64_t most) {
  try {
    FileMap::open(path, most);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(FileMapTest, HoldsWhatTheFileHolds) {
  std::string bytes(100000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
  const std::string path = write("some", bytes);
  const auto map = FileMap::open(path);
  EXPECT_EQ(map->bytes(), bytes);
  // Released pages, at any place, come back as they were; also after the file was replaced or removed.
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{99999}}) {
    map->release(map->bytes().substr(at));
    EXPECT_EQ(map->bytes(), bytes);
  }
  write("some", "another");
  EXPECT_EQ(map->bytes(), bytes);
  std::filesystem::remove(path);
  map->release(map->bytes());
  EXPECT_EQ(map->bytes(), bytes);
}

TEST_F(FileMapTest, AnEmptyFileHasNoBytes) {
  const auto map = FileMap::open(write("empty", ""));
  EXPECT_TRUE(map->bytes().empty());
  map->release(map->bytes());
}

TEST_F(FileMapTest, ErrorsNameTheFile) {
  const std::string path = write("large", "12345");
  EXPECT_EQ(message(path, 5), "no error");
  EXPECT_EQ(message(path, 4), "cannot read '" + path + "': 5 bytes, at most 4 are accepted");
  EXPECT_EQ(message(folder_, 5), "cannot read '" + folder_ + "': it is not a regular file");
  EXPECT_EQ(message(folder_ + "/none", 5), "cannot read '" + folder_ + "/none': No such file or directory");
}

}  // namespace
}  // namespace bitsieve
