#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <numeric>

#include "base/error.h"
#include "base/files.h"
#include "base/parallel.h"

namespace bitsieve {
namespace {

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

TEST(Error, IsOneLineWhateverTheNames) {
  EXPECT_STREQ(Error("node 'a\nb\tc\x7f' is bad").what(), "node 'a b c ' is bad");
}

TEST(Files, RoundTripAndReplace) {
  const auto dir = std::filesystem::temp_directory_path() / "bitsieve_base_test";
  std::filesystem::create_directories(dir);
  const std::string path = dir / "file";
  write_file_atomically(path, "first");
  write_file_atomically(path, std::string("a\0b", 3));
  EXPECT_EQ(read_file(path), std::string("a\0b", 3));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir), {}), 1) << "a temporary file was left behind";
  std::filesystem::remove_all(dir);
}

TEST(Files, ErrorsNameThePathAndTheReason) {
  EXPECT_EQ(message_of([] { read_file("/nowhere/x"); }), "cannot read '/nowhere/x': No such file or directory");
  EXPECT_EQ(message_of([] { read_file("/"); }), "cannot read '/': it is not a regular file");
  EXPECT_EQ(message_of([] { write_file_atomically("/nowhere/x", ""); }),
            "cannot write '/nowhere/x': No such file or directory");
}

TEST(Files, KnowsStreams) {
  const std::string folder = testing::TempDir(), file = folder + "/plain", pipe = folder + "/pipe",
                    link = folder + "/link";
  write_file_atomically(file, "x");
  for (const std::string& path : {pipe, link}) ::unlink(path.c_str());
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  ASSERT_EQ(::symlink(file.c_str(), link.c_str()), 0);
  EXPECT_TRUE(is_stream("/dev/null"));
  EXPECT_TRUE(is_stream(pipe));
  for (const std::string& path : {file, link, folder, folder + "/nowhere"}) EXPECT_FALSE(is_stream(path)) << path;
  // What another program opened, although it is a file.
  const int opened = ::open(file.c_str(), O_RDONLY);
  ASSERT_GE(opened, 0);
  EXPECT_TRUE(is_stream("/dev/fd/" + std::to_string(opened)));
  EXPECT_TRUE(is_stream("/proc/self/fd/" + std::to_string(opened)));
  ::close(opened);
}

TEST(ParallelFor, EveryIndexOnceForAnyNumberOfThreads) {
  for (int threads : {1, 2, 3, 8}) {
    std::vector<int> seen(1000);
    parallel_for(1000, threads, [&](std::int64_t i, int) { seen[static_cast<std::size_t>(i)]++; });
    EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), 0), 1000);
    EXPECT_EQ(*std::min_element(seen.begin(), seen.end()), 1);
  }
}

TEST(ParallelFor, StartsNoMoreWorkersThanAreOfUse) {
  EXPECT_EQ(worker_count(100, 3), 3);
  EXPECT_EQ(worker_count(32, 4000), 32);
  EXPECT_EQ(worker_count(1000000, 4000), most_threads);
  EXPECT_EQ(worker_count(1000000, 2147483647), most_threads);
  EXPECT_EQ(worker_count(1000000, 0), std::min(available_threads(), most_threads));
  EXPECT_EQ(worker_count(1, -1), 1);
  EXPECT_EQ(worker_count(0, 8), 1);
  int most = 0;
  std::mutex lock;
  parallel_for(10000, 2147483647, [&](std::int64_t, int worker) {
    const std::lock_guard held(lock);
    most = std::max(most, worker);
  });
  EXPECT_LT(most, most_threads);
}

TEST(ParallelFor, RethrowsTheBodysError) {
  EXPECT_EQ(message_of([] {
              parallel_for(100, 4, [](std::int64_t i, int) {
                if (i == 50) fail("index {}", i);
              });
            }),
            "index 50");
}

}  // namespace
}  // namespace bitsieve
