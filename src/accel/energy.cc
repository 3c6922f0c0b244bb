#include "accel/energy.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/toml.h"

namespace bitsieve::accel {
namespace {

class Reader {
 public:
  Reader(const toml::table& table, std::string where, const std::string& origin)
      : table_(table), where_(std::move(where)), origin_(origin) {}

  std::string text(const char* key, bool required = true) {
    const toml::node* const node = find(key, required);
    if (node == nullptr) return {};
    const auto value = node->value_exact<std::string>();
    if (!value || (required && value->empty())) bad(*node, key, "a string");
    return *value;
  }
  double real(const char* key, bool required = true) {
    const toml::node* const node = find(key, required);
    if (node == nullptr) return 0;
    const auto value = node->is_number() ? node->value<double>() : std::optional<double>();
    if (!value || !(*value >= 0 && *value < 1e12)) bad(*node, key, "a number of 0 or more");
    return *value;
  }
  std::int64_t whole(const char* key) {
    const toml::node* const node = find(key, true);
    const auto value = node->value_exact<std::int64_t>();
    if (!value || *value < 1 || *value > (std::int64_t{1} << 40)) bad(*node, key, "a whole number of 1 or more");
    return *value;
  }
  const toml::node* find(const char* key, bool required) {
    known_.emplace_back(key);
    const toml::node* const node = table_.get(key);
    if (node == nullptr && required)
      fail("'{}' line {}: {} has no {}", origin_, table_.source().begin.line, where_, key);
    return node;
  }
  void refuse_others() const {
    for (const auto& [name, node] : table_) {
      if (std::find(known_.begin(), known_.end(), name.str()) != known_.end()) continue;
      std::string allowed;
      for (const std::string& k : known_) allowed += (allowed.empty() ? "" : ", ") + k;
      fail("'{}' line {}: unknown key '{}' in {}; allowed are {}", origin_, node.source().begin.line, name.str(),
           where_, allowed);
    }
  }
  [[noreturn]] void bad(const toml::node& node, const char* key, const char* allowed) const {
    fail("'{}' line {}: {} in {} must be {}", origin_, node.source().begin.line, key, where_, allowed);
  }

 private:
  const toml::table& table_;
  std::string where_;
  const std::string& origin_;
  std::vector<std::string> known_;
};

template <class See>
void for_each_table(const toml::table& root, const char* key, const std::string& origin, const See& see) {
  const toml::node* const node = root.get(key);
  if (node == nullptr) return;
  const toml::array* const array = node->as_array();
  if (array == nullptr) fail("'{}' line {}: {} is written as [[{}]]", origin, node->source().begin.line, key, key);
  for (const toml::node& element : *array) {
    const toml::table* const table = element.as_table();
    if (table == nullptr) fail("'{}' line {}: {} is written as [[{}]]", origin, element.source().begin.line, key, key);
    Reader reader(*table, fmt::format("[[{}]]", key), origin);
    see(reader, *table);
    reader.refuse_others();
  }
}

}  // namespace

const EnergyEntry* EnergyTable::find(const std::string& name) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const EnergyEntry& e) { return e.id == name; });
  return found == entries.end() ? nullptr : &*found;
}

const EnergyEntry& EnergyTable::entry(const std::string& name) const {
  if (const EnergyEntry* const e = find(name)) return *e;
  fail("energy table '{}' has no entry '{}', which this machine needs", id, name);
}

SramEntry EnergyTable::sram(std::int64_t bytes) const {
  if (srams.empty()) fail("energy table '{}' has no [[sram]], which machines with buffers need", id);
  const auto above = std::find_if(srams.begin(), srams.end(), [&](const SramEntry& s) { return s.bytes >= bytes; });
  if (above == srams.end())
    fail("energy table '{}' has no memory of {} bytes; its largest has {}", id, bytes, srams.back().bytes);
  if (above->bytes == bytes) return *above;
  if (above == srams.begin())
    fail("energy table '{}' has no memory as small as {} bytes; its smallest has {}", id, bytes, above->bytes);
  const SramEntry& below = *(above - 1);
  const double share = std::log(static_cast<double>(bytes) / static_cast<double>(below.bytes)) /
                       std::log(static_cast<double>(above->bytes) / static_cast<double>(below.bytes));
  const auto between = [&](double a, double b) { return a > 0 && b > 0 ? a * std::pow(b / a, share) : a; };
  SramEntry result = *above;
  result.bytes = bytes;
  const auto per_bit = [](const SramEntry& s, double v) { return v / static_cast<double>(s.bits); };
  const auto bits = static_cast<double>(result.bits);
  result.read_pj = bits * between(per_bit(below, below.read_pj), per_bit(*above, above->read_pj));
  result.write_pj = bits * between(per_bit(below, below.write_pj), per_bit(*above, above->write_pj));
  result.leakage_mw = between(below.leakage_mw, above->leakage_mw);
  return result;
}

EnergyTable parse_energy_table(std::string_view text, const std::string& origin) {
  const toml::table root = parse_toml(text, origin);
  EnergyTable result;
  Reader top(root, "the file", origin);
  result.id = top.text("id");
  for_each_table(root, "entry", origin, [&](Reader& r, const toml::table& table) {
    EnergyEntry e{r.text("id"), r.real("value"), r.text("node"), r.text("source"), r.text("note", false)};
    for (const EnergyEntry& other : result.entries) {
      if (other.id == e.id) fail("'{}' line {}: a second entry '{}'", origin, table.source().begin.line, e.id);
    }
    result.entries.push_back(std::move(e));
  });
  for_each_table(root, "sram", origin, [&](Reader& r, const toml::table& table) {
    SramEntry s;
    s.bytes = r.whole("bytes");
    s.bits = r.whole("bits");
    s.read_pj = r.real("read");
    s.write_pj = r.real("write");
    s.leakage_mw = r.real("leakage");
    s.node = r.text("node");
    s.source = r.text("source");
    if (!result.srams.empty() && s.bytes <= result.srams.back().bytes)
      fail("'{}' line {}: [[sram]] of {} bytes after one of {}; they go from small to large", origin,
           table.source().begin.line, s.bytes, result.srams.back().bytes);
    result.srams.push_back(std::move(s));
  });
  if (const toml::node* const node = top.find("dram-range", false)) {
    const toml::array* const range = node->as_array();
    const auto at = [&](std::size_t i) {
      return range != nullptr && range->size() == 2 && (*range)[i].is_number() ? (*range)[i].value<double>()
                                                                               : std::nullopt;
    };
    const auto lowest = at(0), highest = at(1);
    if (!lowest || !highest || !(*lowest >= 0 && *lowest <= *highest && *highest < 1e12))
      top.bad(*node, "dram-range", "two numbers, pJ a bit: [lowest, highest]");
    result.dram_lowest = *lowest;
    result.dram_highest = *highest;
  }
  top.find("entry", false);
  top.find("sram", false);
  top.refuse_others();
  return result;
}

namespace {

bool is_element(const std::string& id) { return id.starts_with("element-"); }

bool is_memory(const std::string& id) { return id == "dram-bit" || id.find("-buffer-") != std::string::npos; }

}  // namespace

bool by_element(const EnergyTable& table, const Counts& counts) {
  return std::any_of(counts.begin(), counts.end(),
                     [&](const auto& count) { return is_element(count.first) && table.find(count.first) != nullptr; });
}

std::vector<std::string> processes(const EnergyTable& table, const Parameters& p, const Counts& counts) {
  std::vector<std::string> result;
  const bool whole = by_element(table, counts);
  const auto add = [&](const std::string& node) {
    const std::string process = node.substr(0, node.find(','));
    if (std::find(result.begin(), result.end(), process) == result.end()) result.push_back(process);
  };
  for (const auto& [id, count] : counts) {
    if (!is_memory(id) && is_element(id) == whole) add(table.entry(id).node);
  }
  add(table.sram(p.weight_buffer_kib * 1024).node);
  add(table.sram(p.activation_buffer_kib * 1024).node);
  return result;
}

Energy energy_of(const EnergyTable& table, const Parameters& p, const Counts& counts, double cycles) {
  const SramEntry weights = table.sram(p.weight_buffer_kib * 1024), values = table.sram(p.activation_buffer_kib * 1024);
  const bool whole = by_element(table, counts);
  Energy energy;
  for (const auto& [id, count] : counts) {
    if (!is_memory(id) && is_element(id) != whole) continue;
    if (id == "weight-buffer-bit") {
      energy["weight buffer"] += count * weights.read_pj / static_cast<double>(weights.bits);
    } else if (id == "activation-buffer-bit") {
      energy["activation buffer"] += count * values.read_pj / static_cast<double>(values.bits);
    } else if (id == "weight-buffer-write-bit") {
      energy["weight buffer"] += count * weights.write_pj / static_cast<double>(weights.bits);
    } else if (id == "activation-buffer-write-bit") {
      energy["activation buffer"] += count * values.write_pj / static_cast<double>(values.bits);
    } else {
      energy[id == "dram-bit" ? "dram" : "compute"] += count * table.entry(id).value;
    }
  }
  // mW for a microsecond is 1000 pJ.
  energy["leakage"] += (weights.leakage_mw + values.leakage_mw) * cycles / p.clock_mhz * 1000;
  return energy;
}

double total(const Energy& energy) {
  double sum = 0;
  for (const auto& [part, pj] : energy) sum += pj;
  return sum;
}

}  // namespace bitsieve::accel
