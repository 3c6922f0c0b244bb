#include "base/job.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace bitsieve {
namespace {

std::optional<int> number_in(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return std::nullopt;
  const std::string_view view(text);
  int value = 0;
  const auto [stop, status] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (status != std::errc() || stop != view.data() + view.size() || value < 0)
    fail("{} is '{}', not a whole number", variable, view);
  return value;
}

}  // namespace

JobPart part_of_job() {
  JobPart part;
  constexpr const char* launchers[][3] = {
      {"RANK", "WORLD_SIZE", "LOCAL_RANK"},
      {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
      {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"},
      {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"}};
  for (const auto& [rank, size, local] : launchers) {
    const std::optional<int> r = number_in(rank), s = number_in(size);
    if (!r || !s) continue;
    if (*s < 1 || *r >= *s)
      fail("{} is {} and {} is {}: ranks go from 0 to one less than the size", rank, *r, size, *s);
    part.rank = *r;
    part.size = *s;
    part.launched = true;
    part.local_rank = number_in(local).value_or(0);
    break;
  }
  if (const char* const address = std::getenv("MASTER_ADDR"); address != nullptr && *address != '\0')
    part.address = address;
  if (const std::optional<int> port = number_in("MASTER_PORT")) part.port = *port;
  if (part.port < 1 || part.port > 65535) fail("MASTER_PORT is {}, not 1 to 65535", part.port);
  return part;
}

}  // namespace bitsieve
