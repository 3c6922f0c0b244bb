#include "accel/parameters.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/toml.h"

namespace bitsieve::accel {
namespace {

struct Entry {
  const toml::node& node;
  std::string key;
  const std::string& origin;

  [[noreturn]] void bad(const std::string& allowed) const {
    fail("'{}' line {}: {} must be {}", origin, node.source().begin.line, key, allowed);
  }
  std::string text() const {
    const auto value = node.value_exact<std::string>();
    if (!value || value->empty()) bad("a string");
    return *value;
  }
  bool flag() const {
    const auto value = node.value_exact<bool>();
    if (!value) bad("true or false");
    return *value;
  }
  std::int64_t whole(std::int64_t lowest, std::int64_t highest) const {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < lowest || *value > highest)
      bad(fmt::format("a whole number from {} to {}", lowest, highest));
    return *value;
  }
  double real(double lowest, double highest) const {
    const auto value = node.is_number() ? node.value<double>() : std::optional<double>();
    if (!value || !(*value >= lowest && *value <= highest)) bad(fmt::format("a number from {} to {}", lowest, highest));
    return *value;
  }
  template <class T, std::size_t n>
  T one_of(const std::pair<const char*, T> (&table)[n]) const {
    std::vector<std::string> allowed;
    const auto value = node.value_exact<std::string>();
    for (const auto& [name, which] : table) {
      if (value == name) return which;
      allowed.push_back(fmt::format("\"{}\"", name));
    }
    bad(fmt::format("{}", fmt::join(allowed, " or ")));
  }
};

constexpr std::pair<const char*, Drain> drains[] = {
    {"none", Drain::none}, {"serial", Drain::serial}, {"overlapped", Drain::overlapped}};
constexpr std::pair<const char*, Partial> partials[] = {{"full", Partial::full}, {"exact", Partial::exact}};
constexpr std::pair<const char*, Depthwise> depthwises[] = {{"column", Depthwise::column},
                                                            {"separate", Depthwise::separate}};

constexpr std::pair<const char*, Windows> windows[] = {
    {"5opt", Windows::opt5}, {"3opt", Windows::opt3}, {"2opt", Windows::opt2}};

constexpr std::pair<const char*, Vectors> vectors[] = {{"row", Vectors::row}, {"array", Vectors::array}};

template <class T, std::size_t n>
const char* name_of(const std::pair<const char*, T> (&table)[n], T value) {
  const auto* row = std::find_if(table, table + n, [&](const auto& r) { return r.second == value; });
  return row->first;
}

struct Key {
  const char *table, *name;
  void (*read)(const Entry&, Parameters&);
  std::string (*write)(const Parameters&);
  unsigned bit = 0;  // of array_key; 0: every machine looks at it
};

const Key keys[] = {
    {"array", "rows", [](const Entry& e, Parameters& p) { p.rows = e.whole(1, 4096); },
     [](const Parameters& p) { return fmt::format("{}", p.rows); }, array_key::rows},
    {"array", "columns", [](const Entry& e, Parameters& p) { p.columns = e.whole(1, 4096); },
     [](const Parameters& p) { return fmt::format("{}", p.columns); }, array_key::columns},
    {"array", "lanes", [](const Entry& e, Parameters& p) { p.lanes = e.whole(1, most_lanes); },
     [](const Parameters& p) { return fmt::format("{}", p.lanes); }, array_key::lanes},
    {"array", "units", [](const Entry& e, Parameters& p) { p.units = e.whole(1, 4096); },
     [](const Parameters& p) { return fmt::format("{}", p.units); }, array_key::units},
    {"array", "drain", [](const Entry& e, Parameters& p) { p.drain = e.one_of(drains); },
     [](const Parameters& p) { return fmt::format("\"{}\"", name_of(drains, p.drain)); }, array_key::drain},
    {"array", "partial", [](const Entry& e, Parameters& p) { p.partial = e.one_of(partials); },
     [](const Parameters& p) { return fmt::format("\"{}\"", name_of(partials, p.partial)); }, array_key::partial},
    {"array", "depthwise", [](const Entry& e, Parameters& p) { p.depthwise = e.one_of(depthwises); },
     [](const Parameters& p) { return fmt::format("\"{}\"", name_of(depthwises, p.depthwise)); }, array_key::depthwise},
    {"array", "vectors", [](const Entry& e, Parameters& p) { p.vectors = e.one_of(vectors); },
     [](const Parameters& p) { return fmt::format("\"{}\"", name_of(vectors, p.vectors)); }, array_key::vectors},
    {"array", "windows", [](const Entry& e, Parameters& p) { p.windows = e.one_of(windows); },
     [](const Parameters& p) { return fmt::format("\"{}\"", to_string(p.windows)); }, array_key::windows},
    {"clock", "mhz", [](const Entry& e, Parameters& p) { p.clock_mhz = e.real(1, 1e5); },
     [](const Parameters& p) { return fmt::format("{}", p.clock_mhz); }},
    {"memory", "weight-buffer-kib", [](const Entry& e, Parameters& p) { p.weight_buffer_kib = e.whole(1, 1 << 20); },
     [](const Parameters& p) { return fmt::format("{}", p.weight_buffer_kib); }},
    {"memory", "activation-buffer-kib",
     [](const Entry& e, Parameters& p) { p.activation_buffer_kib = e.whole(1, 1 << 20); },
     [](const Parameters& p) { return fmt::format("{}", p.activation_buffer_kib); }},
    {"memory", "double-buffered", [](const Entry& e, Parameters& p) { p.double_buffered = e.flag(); },
     [](const Parameters& p) { return fmt::format("{}", p.double_buffered); }},
    {"memory", "dram-gb-per-s", [](const Entry& e, Parameters& p) { p.dram_gb_per_s = e.real(1e-3, 1e6); },
     [](const Parameters& p) { return fmt::format("{}", p.dram_gb_per_s); }},
    {"memory", "dram-latency-ns", [](const Entry& e, Parameters& p) { p.dram_latency_ns = e.real(0, 1e9); },
     [](const Parameters& p) { return fmt::format("{}", p.dram_latency_ns); }},
};

void read_table(const Entry& entry, const std::string& table, Parameters& parameters) {
  const toml::table* const found = entry.node.as_table();
  if (found == nullptr) entry.bad("a table");
  for (const auto& [name, node] : *found) {
    const Key* key = nullptr;
    std::vector<std::string> allowed;
    for (const Key& k : keys) {
      if (k.table != table || (k.bit != 0 && (k.bit & parameters.keys) == 0)) continue;
      allowed.emplace_back(k.name);
      if (name.str() == k.name) key = &k;
    }
    if (key == nullptr)
      fail("'{}' line {}: machine '{}' has no '{}.{}'; it has {}", entry.origin, node.source().begin.line,
           parameters.machine, table, name.str(), fmt::join(allowed, ", "));
    key->read({node, fmt::format("{}.{}", table, name.str()), entry.origin}, parameters);
  }
}

}  // namespace

Parameters parse_parameters(std::string_view text, const std::string& origin,
                            const Parameters& (*defaults)(const std::string& machine)) {
  const toml::table root = parse_toml(text, origin);
  const toml::node* const machine = root.get("machine");
  if (machine == nullptr)
    fail("'{}' does not say which machine it is: machine = \"NAME\", as bitsieve list names them", origin);
  Parameters parameters = defaults(Entry{*machine, "machine", origin}.text());
  parameters.name = parameters.machine;
  for (const auto& [key, node] : root) {
    const std::string name(key.str());
    const Entry entry{node, name, origin};
    if (name == "machine") continue;
    if (name == "name") {
      parameters.name = entry.text();
      // It becomes the name of a file (simulate --tables).
      const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
      if (!std::all_of(parameters.name.begin(), parameters.name.end(), plain) || parameters.name.front() == '.' ||
          parameters.name.size() > 64 || parameters.name == "energy")
        entry.bad("up to 64 letters, digits, '-', '_' and '.', which does not come first, and not energy");
    } else if (name == "array" || name == "clock" || name == "memory") {
      read_table(entry, name, parameters);
    } else {
      fail("'{}' line {}: unknown key '{}'; allowed are machine, name, [array], [clock] and [memory]", origin,
           node.source().begin.line, name);
    }
  }
  return parameters;
}

std::string to_toml(const Parameters& p) {
  std::string text = fmt::format("machine = \"{}\"\nname = \"{}\"\n", p.machine, p.name);
  std::string table;
  for (const Key& key : keys) {
    if (key.bit != 0 && (key.bit & p.keys) == 0) continue;
    if (table != key.table) text += fmt::format("\n[{}]\n", key.table);
    table = key.table;
    text += fmt::format("{} = {}\n", key.name, key.write(p));
  }
  return text;
}

std::string modes_of(const Parameters& p) {
  constexpr unsigned modes = array_key::drain | array_key::partial | array_key::depthwise | array_key::vectors;
  std::string text;
  for (const Key& key : keys) {
    if ((key.bit & modes & p.keys) == 0) continue;
    std::string value = key.write(p);
    std::erase(value, '"');
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", key.name, value);
  }
  return text;
}

const char* to_string(Windows w) { return name_of(windows, w); }

double dram_bytes_per_cycle(const Parameters& p) { return p.dram_gb_per_s * 1000 / p.clock_mhz; }
double dram_latency_cycles(const Parameters& p) { return std::ceil(p.dram_latency_ns * p.clock_mhz / 1000); }

}  // namespace bitsieve::accel
