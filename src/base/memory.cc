#include "base/memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <string_view>

namespace bitsieve {
namespace {

constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

// The number in a file; unlimited where there is none ("max"), or no such file.
std::int64_t number_in(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  std::int64_t value = 0;
  if (!(file >> text)) return unlimited;
  const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  return status == std::errc() && stop == text.data() + text.size() && value >= 0 ? value : unlimited;
}

// The least of a group and those around it. A container may see its own group as the root and still be told its path
// outside; the walk up ends at the root either way.
std::int64_t least_on_the_way(const std::string& mounted, std::string_view group, const char* name) {
  std::int64_t least = unlimited;
  for (std::string path(group); !path.empty(); path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/')))
    least = std::min(least, number_in(mounted + path + "/" + name));
  return std::min(least, number_in(mounted + "/" + name));
}

bool lists_memory(std::string_view controllers) {
  while (!controllers.empty()) {
    const std::size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "memory") return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

}  // namespace

std::int64_t memory_limit(const std::string& root) {
  const std::int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  std::int64_t least = pages > 0 && page > 0 ? pages * page : unlimited;
  // Lines NUMBER:CONTROLLERS:GROUP; version 2 has number 0 and no controllers.
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers = std::string_view(line).substr(first + 1, second - first - 1),
                           group = std::string_view(line).substr(second + 1);
    if (controllers.empty()) least = std::min(least, least_on_the_way(root + "/sys/fs/cgroup", group, "memory.max"));
    if (lists_memory(controllers))
      least = std::min(least, least_on_the_way(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
  }
  return least;
}

}  // namespace bitsieve
