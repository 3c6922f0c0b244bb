#include <cstring>

#include "kernels/qdepthwise/internal.h"

namespace bitsieve::qdepthwise {
namespace {

// Per-channel arrays in blocks of `block` channels; channel_at(i) is the channel of the block at place i.
template <class ChannelAt>
QDepthwiseWeights prepare(const QDepthwiseSource& s, std::int64_t block, ChannelAt channel_at) {
  QDepthwiseWeights w;
  const std::int64_t padded = (s.channels + block - 1) / block * block;
  w.bias.assign(padded, 0);
  w.bias_signed.assign(padded, 0);
  w.multiplier.assign(padded, 0.0f);
  for (std::int64_t i = 0; i < padded; ++i) {
    const std::int64_t c = i / block * block + channel_at(i % block);
    if (c >= s.channels) continue;
    std::uint32_t sum = 0;  // unsigned: wraps like the kernels do
    for (std::int64_t t = 0; t < s.taps; ++t) sum += static_cast<std::uint32_t>(s.weight[t * s.channels + c]);
    w.bias[i] = s.bias == nullptr ? 0 : s.bias[c];
    w.bias_signed[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(w.bias[i]) - 128u * sum);
    w.multiplier[i] = s.multiplier[c];
  }
  w.view.channels = s.channels;
  w.view.taps = s.taps;
  w.view.bias = w.bias.data();
  w.view.bias_signed = w.bias_signed.data();
  w.view.multiplier = w.multiplier.data();
  return w;
}

// Per block of channels and per group of taps: `block` places, each holding the weights of the `group` taps as
// Weight; missing taps and channels weigh zero.
template <class Weight, class ChannelAt>
QDepthwiseWeights pack_groups(const QDepthwiseSource& s, std::int64_t block, std::int64_t group, ChannelAt channel_at) {
  QDepthwiseWeights w = prepare(s, block, channel_at);
  const std::int64_t groups = (s.taps + group - 1) / group, blocks = (s.channels + block - 1) / block;
  const std::int64_t entry = group * static_cast<std::int64_t>(sizeof(Weight));
  w.lines.assign((blocks * groups * block * entry + 63) / 64, PackedLine{});
  auto* bytes = reinterpret_cast<std::uint8_t*>(w.lines.data());
  for (std::int64_t i = 0; i < blocks * block; ++i) {
    const std::int64_t c = i / block * block + channel_at(i % block);
    if (c >= s.channels) continue;
    for (std::int64_t t = 0; t < s.taps; ++t) {
      const Weight value = s.weight[t * s.channels + c];
      const std::int64_t place = (i / block * groups + t / group) * block + i % block;
      std::memcpy(bytes + place * entry + t % group * static_cast<std::int64_t>(sizeof(Weight)), &value,
                  sizeof(Weight));
    }
  }
  w.view.data = bytes;
  return w;
}

}  // namespace

QDepthwiseWeights pack_natural(const QDepthwiseSource& s) {
  QDepthwiseWeights w = prepare(s, 1, [](std::int64_t i) { return i; });
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
  return pack_groups<std::int16_t>(s, 16, 1, [](std::int64_t i) { return i; });
}

// Place = [half][lane of 2][4]: what unpacking int16 within 128-bit lanes yields.
QDepthwiseWeights pack_pairs(const QDepthwiseSource& s) {
  return pack_groups<std::int16_t>(s, 16, 2, [](std::int64_t i) { return i / 4 % 2 * 8 + i / 8 * 4 + i % 4; });
}

// Place = [quarter][lane of 4][4]: what unpacking bytes, then words within 128-bit lanes yields.
QDepthwiseWeights pack_quads(const QDepthwiseSource& s) {
  return pack_groups<std::int8_t>(s, 64, 4, [](std::int64_t i) { return i / 4 % 4 * 16 + i / 16 * 4 + i % 4; });
}

}  // namespace bitsieve::qdepthwise
