#include <cmath>
#include <cstring>

#include "kernels/qdepthwise/internal.h"

namespace bitsieve::qdepthwise {
namespace {

// Per-channel arrays of so many places; channel_of(place) is the channel there, which need not exist.
template <class ChannelOf>
QDepthwiseWeights prepare(const QDepthwiseSource& s, std::int64_t places, ChannelOf channel_of) {
  QDepthwiseWeights w;
  w.bias.assign(places, 0);
  w.bias_signed.assign(places, 0);
  w.multiplier.assign(places, 0.0f);
  w.view.multipliers_below_one = true;
  for (std::int64_t i = 0; i < places; ++i) {
    const std::int64_t c = channel_of(i);
    if (c >= s.channels) continue;
    std::uint32_t sum = 0;  // unsigned: wraps like the kernels do
    for (std::int64_t t = 0; t < s.taps; ++t) sum += static_cast<std::uint32_t>(s.weight[t * s.channels + c]);
    w.bias[i] = s.bias == nullptr ? 0 : s.bias[c];
    w.bias_signed[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(w.bias[i]) - 128u * sum);
    w.multiplier[i] = s.multiplier[c];
    if (!(std::abs(s.multiplier[c]) < 1.0f)) w.view.multipliers_below_one = false;
  }
  w.view.channels = s.channels;
  w.view.taps = s.taps;
  w.view.bias = w.bias.data();
  w.view.bias_signed = w.bias_signed.data();
  w.view.multiplier = w.multiplier.data();
  return w;
}

}  // namespace

QDepthwiseWeights pack_natural(const QDepthwiseSource& s) {
  QDepthwiseWeights w = prepare(s, s.channels, [](std::int64_t i) { return i; });
  w.lines.assign((s.taps * s.channels * 2 + 63) / 64, PackedLine{});
  auto* bytes = reinterpret_cast<std::uint8_t*>(w.lines.data());
  for (std::int64_t i = 0; i < s.taps * s.channels; ++i) {
    const std::int16_t value = s.weight[i];
    std::memcpy(bytes + i * 2, &value, 2);
  }
  w.view.data = bytes;
  return w;
}

QDepthwiseWeights pack_blocks(const QDepthwiseSource& s) {
  const std::int64_t places = (s.channels + 15) / 16 * 16;
  QDepthwiseWeights w = prepare(s, places, [](std::int64_t i) { return i; });
  w.lines.assign(static_cast<std::size_t>((s.taps * places * 2 + 63) / 64), PackedLine{});
  auto* bytes = reinterpret_cast<std::uint8_t*>(w.lines.data());
  for (std::int64_t c = 0; c < s.channels; ++c) {
    for (std::int64_t t = 0; t < s.taps; ++t) {
      const std::int16_t value = s.weight[t * s.channels + c];
      std::memcpy(bytes + ((c / 16 * s.taps + t) * 16 + c % 16) * 2, &value, 2);
    }
  }
  w.view.data = bytes;
  return w;
}

// Place = [block][quarter][lane of 2][4] of channels for the sums: what unpacking bytes, then words within 128-bit
// lanes yields. Per block and pair of taps, for each half of a lane, for each digit: the digits of both taps' weights,
// channel after channel.
QDepthwiseWeights pack_digits(const QDepthwiseSource& s) {
  const std::int64_t blocks = digit_blocks(s.channels), pairs = (s.taps + 1) / 2;
  const auto channel_of = [&](std::int64_t block, std::int64_t lane, std::int64_t i) {
    const std::int64_t c = digit_lane(s.channels, block, static_cast<int>(lane)) + i;
    return s.channels < 16 && lane == 1 ? s.channels : c;
  };
  QDepthwiseWeights w =
      prepare(s, blocks * 32, [&](std::int64_t i) { return channel_of(i / 32, i / 4 % 2, i / 8 % 4 * 4 + i % 4); });
  w.lines.assign(static_cast<std::size_t>(blocks * pairs * 2), PackedLine{});
  auto* to = reinterpret_cast<std::int8_t*>(w.lines.data());
  for (std::int64_t i = 0; i < blocks * pairs * 128; ++i) {
    const std::int64_t block = i / (pairs * 128), pair = i / 128 % pairs, half = i / 64 % 2, digit = i / 32 % 2,
                       lane = i / 16 % 2, c = channel_of(block, lane, half * 8 + i / 2 % 8), t = 2 * pair + i % 2;
    if (c >= s.channels || t >= s.taps) continue;
    const int weight = s.weight[t * s.channels + c], high = (weight + 136) / 16 - 8;  // rounded half up
    to[i] = static_cast<std::int8_t>(digit == 0 ? weight - 16 * high : high);
  }
  w.view.data = reinterpret_cast<const std::uint8_t*>(w.lines.data());
  return w;
}

// Place = [block][quarter][lane of 4][4]: what unpacking bytes, then words within 128-bit lanes yields. Per block and
// per group of four taps: the weights of the group's taps, place after place; missing taps and channels weigh zero.
// Nine taps follow once more, as a filter of 3 x 3 column by column, each a group of three.
QDepthwiseWeights pack_quads(const QDepthwiseSource& s) {
  const auto channel_of = [](std::int64_t i) { return i / 64 * 64 + i / 4 % 4 * 16 + i / 16 % 4 * 4 + i % 4; };
  const std::int64_t groups = (s.taps + 3) / 4, places = (s.channels + 63) / 64 * 64;
  QDepthwiseWeights w = prepare(s, places, channel_of);
  const std::int64_t orders = s.taps == 9 ? 2 : 1;
  w.lines.assign(static_cast<std::size_t>(orders * places * groups * 4 / 64), PackedLine{});
  auto* to = reinterpret_cast<std::int8_t*>(w.lines.data());
  for (std::int64_t i = 0; i < orders * places; ++i) {
    const bool by_column = i >= places;
    const std::int64_t c = channel_of(i % places);
    if (c >= s.channels) continue;
    for (std::int64_t t = 0; t < s.taps; ++t) {
      const std::int64_t at = by_column ? t % 3 * 4 + t / 3 : t;
      to[((i / 64 * groups + at / 4) * 64 + i % 64) * 4 + at % 4] = s.weight[t * s.channels + c];
    }
  }
  w.view.data = reinterpret_cast<const std::uint8_t*>(w.lines.data());
  return w;
}

}  // namespace bitsieve::qdepthwise
