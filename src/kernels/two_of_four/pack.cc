#include <cstring>

#include "kernels/qgemm/internal.h"
#include "kernels/two_of_four/internal.h"

namespace bitsieve::two_of_four {
namespace {

// What an output channel keeps of a group of four: up to two weights, and where among the sixteen bytes their inputs
// are.
struct Kept {
  int count = 0;
  std::int8_t weight[2] = {};
  std::uint8_t place[2] = {nothing, nothing};
};

std::uint8_t place_of(std::uint8_t input, std::uint8_t partner) {
  std::uint8_t at = 0;
  while (value_of[at] != input || partner_of[at] != partner) ++at;
  return at;
}

std::optional<Kept> kept_of(const std::int8_t* four) {
  Kept kept;
  std::uint8_t input[2] = {nothing, nothing};
  for (std::uint8_t i = 0; i < 4; ++i) {
    if (four[i] == 0) continue;
    if (kept.count == 2) return std::nullopt;
    input[kept.count] = i;
    kept.weight[kept.count++] = four[i];
  }
  for (int i = 0; i < kept.count; ++i) kept.place[i] = place_of(input[i], input[1 - i]);
  return kept;
}

// Calls put(output channel, group, what it keeps of it); false where a group keeps more than two.
template <class Put>
bool each_group(const QGemmSource& s, Put put) {
  const std::int64_t groups = s.taps * s.depth / 4;
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::optional<Kept> kept = kept_of(s.weight + (n * groups + g) * 4);
      if (!kept) return false;
      put(n, g, *kept);
    }
  }
  return true;
}

}  // namespace

std::optional<std::vector<std::int8_t>> expand_weights(const QGemmSource& s) {
  const std::int64_t groups = s.taps * s.depth / 4;
  std::vector<std::int8_t> expanded(static_cast<std::size_t>(s.n * groups * bytes_of_four));
  const bool fits = each_group(s, [&](std::int64_t n, std::int64_t g, const Kept& kept) {
    std::int8_t* const to = expanded.data() + (n * groups + g) * bytes_of_four;
    for (int i = 0; i < kept.count; ++i) to[kept.place[i]] = kept.weight[i];
  });
  if (!fits) return std::nullopt;
  return expanded;
}

std::optional<QGemmWeights> pack_places(const QGemmSource& s) {
  QGemmWeights w = qgemm::prepare(s);
  const std::int64_t groups = s.taps * s.depth / 4;
  PackedLine none{};
  for (int i = 0; i < 32; ++i) none.bytes[i] = nothing;
  w.lines.assign(static_cast<std::size_t>((s.n + 15) / 16 * groups * 2), none);
  const bool fits = each_group(s, [&](std::int64_t n, std::int64_t g, const Kept& kept) {
    std::uint8_t* const to =
        w.lines[static_cast<std::size_t>((n / 16 * groups + g) * 2 + n % 16 / 8)].bytes + n % 8 * 4;
    for (int i = 0; i < kept.count; ++i) {
      const std::int16_t weight = kept.weight[i];
      to[2 * i] = kept.place[i];
      std::memcpy(to + 32 + 2 * i, &weight, 2);
    }
  });
  if (!fits) return std::nullopt;
  w.view.data = reinterpret_cast<const std::uint8_t*>(w.lines.data());
  return w;
}

std::optional<QGemmWeights> pack_picks(const QGemmSource& s, std::int64_t groups, std::int64_t picks) {
  QGemmWeights w = qgemm::prepare(s);
  const std::int64_t of_tap = s.depth / 4, steps = (of_tap + groups - 1) / groups, of_pick = groups / picks;
  w.lines.assign(static_cast<std::size_t>((s.n + 15) / 16 * s.taps * steps * picks * 2), PackedLine{});
  const bool fits = each_group(s, [&](std::int64_t n, std::int64_t g, const Kept& kept) {
    const std::int64_t tap = g / of_tap, at = g % of_tap % groups,
                       step = (n / 16 * s.taps + tap) * steps + g % of_tap / groups;
    PackedLine* const lines = w.lines.data() + (step * picks + at / of_pick) * 2;
    for (std::int64_t i = 0, to = n % 16 * 4 + at % of_pick * 2; i < kept.count; ++i, ++to) {
      lines[0].bytes[to] = static_cast<std::uint8_t>(at * bytes_of_four + kept.place[i]);
      lines[1].bytes[to] = static_cast<std::uint8_t>(kept.weight[i]);
    }
  });
  if (!fits) return std::nullopt;
  w.view.data = reinterpret_cast<const std::uint8_t*>(w.lines.data());
  return w;
}

}  // namespace bitsieve::two_of_four
