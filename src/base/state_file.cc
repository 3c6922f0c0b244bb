#include "base/state_file.h"

#include <cmath>

#include "base/bytes.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"

namespace bitsieve {
namespace {

constexpr std::string_view magic{
    "\x89"
    "BST\r\n\x1a\n",
    8};
constexpr std::uint32_t version = 1;
constexpr std::uint64_t max_file_bytes = std::uint64_t{64} << 30;

template <class Map>
const typename Map::mapped_type& find(const Map& map, const std::string& name, const char* what) {
  const auto found = map.find(name);
  if (found == map.end()) fail("the state has no {} '{}'", what, name);
  return found->second;
}

std::string_view text_of(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

// Entries come by ascending name, so that a state has one form.
template <class Map, class Read>
void read_list(ByteReader& in, const char* what, std::uint64_t least_bytes, Map& into, const Read& read) {
  const std::size_t count = in.count(least_bytes, what);
  for (std::size_t i = 0; i < count; ++i) {
    std::string name = in.text();
    if (!into.empty() && name <= into.rbegin()->first) fail("{}: {} are not in order of their names", in.what(), what);
    into.emplace_hint(into.end(), std::move(name), read(in));
  }
}

State read(std::string_view bytes) {
  ByteReader in(bytes, "the file");
  if (bytes.size() < magic.size() || in.raw(magic.size()) != magic) fail("it is no state of ours");
  const auto its_version = in.get<std::uint32_t>();
  if (its_version != version) fail("its version is {}, this program reads {}", its_version, version);
  const std::string_view digest = in.raw(sizeof(Digest));
  if (digest != text_of(content_digest(bytes.substr(bytes.size() - static_cast<std::size_t>(in.left())))))
    fail("damaged: the checksum does not fit");
  State state;
  read_list(in, "texts", 8, state.texts, [](ByteReader& r) { return r.text(); });
  read_list(in, "numbers", 12, state.numbers, [](ByteReader& r) { return r.get<double>(); });
  read_list(in, "arrays", 12, state.arrays, [](ByteReader& r) { return r.array<float>(r.get<std::uint64_t>()); });
  in.finish();
  return state;
}

}  // namespace

const std::string& State::text(const std::string& name) const { return find(texts, name, "text"); }
double State::number(const std::string& name) const { return find(numbers, name, "number"); }

std::int64_t State::whole(const std::string& name) const {
  const double value = number(name);
  if (!(std::abs(value) <= 9007199254740992.0) || value != std::floor(value))
    fail("the state's '{}' is {}, not a whole number", name, value);
  return static_cast<std::int64_t>(value);
}

const std::vector<float>& State::array(const std::string& name) const { return find(arrays, name, "array"); }

const std::vector<float>& State::array(const std::string& name, std::size_t size) const {
  const std::vector<float>& values = array(name);
  if (values.size() != size) fail("the state's '{}' has {} numbers, not {}", name, values.size(), size);
  return values;
}

std::string to_bytes(const State& state) {
  ByteWriter body;
  body.count(state.texts.size());
  for (const auto& [name, text] : state.texts) {
    body.text(name);
    body.text(text);
  }
  body.count(state.numbers.size());
  for (const auto& [name, number] : state.numbers) {
    body.text(name);
    body.put(number);
  }
  body.count(state.arrays.size());
  for (const auto& [name, values] : state.arrays) {
    body.text(name);
    body.put(std::uint64_t{values.size()});
    body.array(values);
  }
  ByteWriter file;
  file.raw(magic);
  file.put(version);
  file.raw(text_of(content_digest(body.bytes())));
  file.raw(body.bytes());
  return file.bytes();
}

State parse_state(std::string_view bytes, const std::string& origin) {
  try {
    return read(bytes);
  } catch (const Error& e) {
    fail("{}: {}", origin, e.what());
  }
}

State load_state(const std::string& path) { return parse_state(read_file(path, max_file_bytes), path); }
void save_state(const std::string& path, const State& state) { write_file_atomically(path, to_bytes(state)); }

}  // namespace bitsieve
