// Content hashes: the identity of models, data sets and sections of files.
//
// XXH3, 128 bits, seed 0, as 32 lower-case hexadecimal digits in the canonical (big-endian) order of `xxhsum -H2`.
// They tell contents apart and find damage; they do not protect against somebody who wants two contents to collide.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bitsieve {

using Digest = std::array<std::uint8_t, 16>;

Digest content_digest(std::string_view bytes);
std::string content_hash(std::string_view bytes);

// The same hash of contents that come in pieces; how they are cut makes no difference.
class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  ContentHash(ContentHash&&) noexcept;
  ContentHash& operator=(ContentHash&&) noexcept;

  void update(std::string_view bytes);
  // Of everything so far; more may follow.
  Digest digest() const;
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string to_hex(const Digest& digest);

}  // namespace bitsieve
