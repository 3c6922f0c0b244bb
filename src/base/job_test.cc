#include "base/job.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "base/error.h"

namespace bitsieve {
namespace {

TEST(JobPart, IsWhatTheLauncherSays) {
  EXPECT_EQ(part_of_job().size, 1);
  EXPECT_FALSE(part_of_job().launched);
  setenv("SLURM_PROCID", "3", 1);
  setenv("SLURM_STEP_NUM_TASKS", "4", 1);
  EXPECT_EQ(part_of_job().rank, 3);
  EXPECT_TRUE(part_of_job().launched);
  EXPECT_EQ(part_of_job().local_rank, 0);
  setenv("SLURM_LOCALID", "2", 1);
  EXPECT_EQ(part_of_job().local_rank, 2);
  setenv("RANK", "1", 1);
  setenv("WORLD_SIZE", "2", 1);
  setenv("MASTER_PORT", "1234", 1);
  EXPECT_EQ(part_of_job().rank, 1);
  EXPECT_EQ(part_of_job().local_rank, 0);  // another launcher's is none of ours
  EXPECT_EQ(part_of_job().size, 2);
  EXPECT_EQ(part_of_job().port, 1234);
  for (const auto& [name, value] : {std::pair{"RANK", "2"}, std::pair{"RANK", "one"}, std::pair{"MASTER_PORT", "0"}}) {
    const std::string before = std::getenv(name);
    setenv(name, value, 1);
    EXPECT_THROW(part_of_job(), Error) << name << value;
    setenv(name, before.c_str(), 1);
  }
  for (const char* name :
       {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "RANK", "WORLD_SIZE", "MASTER_PORT"})
    unsetenv(name);
}

}  // namespace
}  // namespace bitsieve
