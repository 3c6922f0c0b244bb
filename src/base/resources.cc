#include "base/resources.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>

namespace bitsieve {
namespace {

// Numbers of a file, as many as there are before something else ("max"), two at most.
struct Numbers {
  std::optional<std::int64_t> first, second;
};

Numbers numbers_in(const std::string& path) {
  std::ifstream file(path);
  Numbers numbers;
  for (std::optional<std::int64_t>* number : {&numbers.first, &numbers.second}) {
    std::string text;
    std::int64_t value = 0;
    if (!(file >> text)) break;
    const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc() || stop != text.data() + text.size() || value < 0) break;
    *number = value;
  }
  return numbers;
}

bool lists(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const std::size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == wanted) return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

// visit(folder) for a group of this process that `controller` has something to say about, and for those around it. A
// container may see its own group as the root and still be told its path outside; the walk ends at the root either way.
template <class Visit>
void for_each_group(const std::string& root, std::string_view controller, const Visit& visit) {
  // Lines NUMBER:CONTROLLERS:GROUP; version 2 has no controllers there.
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && !lists(controllers, controller)) continue;
    const std::string mounted = root + "/sys/fs/cgroup" + (controllers.empty() ? "" : "/" + std::string(controller));
    std::string path = line.substr(second + 1);
    while (!path.empty()) {
      visit(mounted + path);
      path.resize(std::min(path.rfind('/'), path.size() - 1));
    }
    visit(mounted);
  }
}

}  // namespace

std::int64_t memory_limit(const std::string& root) {
  const std::int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  std::int64_t least = pages > 0 && page > 0 ? pages * page : std::numeric_limits<std::int64_t>::max();
  for_each_group(root, "memory", [&](const std::string& folder) {
    for (const char* name : {"/memory.max", "/memory.limit_in_bytes"})  // of version 2, of version 1
      least = std::min(least, numbers_in(folder + name).first.value_or(least));
  });
  return least;
}

int processor_limit(const std::string& root) {
  std::int64_t least = no_limit;
  const auto allow = [&](std::optional<std::int64_t> time, std::optional<std::int64_t> period) {
    if (time && period && *time > 0 && *period > 0)
      least = std::min(least, *time / *period + (*time % *period != 0 ? 1 : 0));
  };
  for_each_group(root, "cpu", [&](const std::string& folder) {
    const Numbers both = numbers_in(folder + "/cpu.max");  // version 2: time and period
    allow(both.first, both.second);
    allow(numbers_in(folder + "/cpu.cfs_quota_us").first, numbers_in(folder + "/cpu.cfs_period_us").first);
  });
  return static_cast<int>(least);
}

}  // namespace bitsieve
