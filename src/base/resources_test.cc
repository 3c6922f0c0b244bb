#include "base/resources.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace bitsieve {
namespace {

namespace fs = std::filesystem;

class Resources : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(root_); }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }

  const std::string root_ = testing::TempDir() + "bitsieve_resources_test_" + std::to_string(getpid());
  const std::int64_t physical_ = memory_limit(root_);  // nothing is there
};

TEST_F(Resources, MemoryOfTheMachineWithoutGroups) {
  EXPECT_EQ(physical_, sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
  EXPECT_GT(physical_, 1 << 20);
  EXPECT_LE(memory_limit(), physical_);
}

TEST_F(Resources, VersionTwoTakesTheLeastOfAllGroupsAround) {
  write("/proc/self/cgroup", "0::/job/step\n");
  write("/sys/fs/cgroup/job/step/memory.max", "max\n");
  EXPECT_EQ(memory_limit(root_), physical_);
  write("/sys/fs/cgroup/job/memory.max", "1048576\n");
  EXPECT_EQ(memory_limit(root_), 1048576);
  write("/sys/fs/cgroup/job/step/memory.max", "4096\n");
  EXPECT_EQ(memory_limit(root_), 4096);
}

// A container's path outside does not exist within: its limit is that of the root.
TEST_F(Resources, ContainersSeeTheirGroupAsTheRoot) {
  write("/proc/self/cgroup", "0::/../../elsewhere\n");
  write("/sys/fs/cgroup/memory.max", "2097152\n");
  EXPECT_EQ(memory_limit(root_), 2097152);
}

TEST_F(Resources, VersionOneAmongOtherControllers) {
  write("/proc/self/cgroup", "5:memorytest:/other\n4:cpu,memory:/docker/1\n1:name=systemd:/\n0::/\n");
  write("/sys/fs/cgroup/memory/other/memory.limit_in_bytes", "1\n");
  write("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "8192\n");
  EXPECT_EQ(memory_limit(root_), 8192);
  // What version 1 says where there is no limit.
  write("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(memory_limit(root_), physical_);
}

TEST_F(Resources, WhatIsNoNumberLimitsNoMemory) {
  for (const char* text : {"", "max", "-1", "12x", "99999999999999999999"}) {
    write("/proc/self/cgroup", "0::/\nnonsense\n");
    write("/sys/fs/cgroup/memory.max", text);
    EXPECT_EQ(memory_limit(root_), physical_) << text;
  }
}

TEST_F(Resources, ProcessorsOfVersionTwo) {
  EXPECT_EQ(processor_limit(root_), no_limit);  // nothing is there
  write("/proc/self/cgroup", "0::/job/step\n");
  write("/sys/fs/cgroup/job/step/cpu.max", "max 100000\n");
  EXPECT_EQ(processor_limit(root_), no_limit);
  for (const auto& [text, wanted] : {std::pair{"100000 100000", 1},
                                     {"1 100000", 1},
                                     {"100001 100000", 2},
                                     {"900000000 100000", 9000},
                                     {"0 100000", no_limit},
                                     {"100000", no_limit},
                                     {"100000 0", no_limit},
                                     {"", no_limit}}) {
    write("/sys/fs/cgroup/job/cpu.max", text);
    EXPECT_EQ(processor_limit(root_), wanted) << text;
  }
}

TEST_F(Resources, ProcessorsOfVersionOne) {
  write("/proc/self/cgroup", "4:cpu,cpuacct:/docker/1\n3:cpuset:/other\n0::/\n");
  write("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(processor_limit(root_), no_limit);
  write("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(processor_limit(root_), no_limit);
  write("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "50000\n");
  EXPECT_EQ(processor_limit(root_), 1);
}

}  // namespace
}  // namespace bitsieve
