#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "kernels/qgemm/internal.h"

namespace bitsieve::qgemm {

QGemmWeights prepare(const QGemmSource& s) {
  QGemmWeights w;
  const std::int64_t k = s.taps * s.depth, padded = (s.n + 15) / 16 * 16;
  w.bias.assign(padded, 0);
  w.bias_signed.assign(padded, 0);
  w.multiplier.assign(padded, 0.0f);
  w.view.multipliers_below_one = true;
  for (std::int64_t n = 0; n < s.n; ++n) {
    std::uint32_t sum = 0;  // unsigned: wraps like the kernels do
    for (std::int64_t i = 0; i < k; ++i) sum += static_cast<std::uint32_t>(s.weight[n * k + i]);
    w.bias[n] = s.bias == nullptr ? 0 : s.bias[n];
    w.bias_signed[n] = static_cast<std::int32_t>(static_cast<std::uint32_t>(w.bias[n]) - 128u * sum);
    w.multiplier[n] = s.multiplier[n];
    if (!(std::abs(s.multiplier[n]) < 1.0f)) w.view.multipliers_below_one = false;
  }
  w.view.n = s.n;
  w.view.taps = s.taps;
  w.view.depth = s.depth;
  w.view.gather = s.depth % 4 != 0;
  w.view.run_taps = w.view.gather ? 1 : s.taps;
  w.view.quads = w.view.gather ? (k + 3) / 4 : s.depth / 4;
  w.view.bias = w.bias.data();
  w.view.bias_signed = w.bias_signed.data();
  w.view.multiplier = w.multiplier.data();
  return w;
}

namespace {

// One line for every 16 columns and quad; put(line, column in the panel, quad of weights). Without gathering depth is a
// multiple of 4, with it taps lie back to back: either way k counts through the quads in order, and the last may be
// filled up with zeros.
template <class Put>
QGemmWeights pack_panels(const QGemmSource& s, Put put) {
  QGemmWeights w = prepare(s);
  const std::int64_t k = s.taps * s.depth, quads = w.view.run_taps * w.view.quads;
  w.lines.assign((s.n + 15) / 16 * quads, PackedLine{});
  for (std::int64_t n = 0; n < s.n; ++n) {
    PackedLine* const lines = &w.lines[n / 16 * quads];
    const std::int8_t* const weight = s.weight + n * k;
    for (std::int64_t q = 0; q < k / 4; ++q) put(lines[q].bytes, n % 16, weight + q * 4);
    if (k % 4 != 0) {
      std::int8_t last[4] = {};
      std::memcpy(last, weight + k / 4 * 4, static_cast<std::size_t>(k % 4));
      put(lines[k / 4].bytes, n % 16, last);
    }
  }
  w.view.data = reinterpret_cast<const std::uint8_t*>(w.lines.data());
  return w;
}

}  // namespace

QGemmWeights pack_rows16(const QGemmSource& s) {
  QGemmWeights w = prepare(s);
  const std::int64_t count = s.n * s.taps * s.depth;
  w.lines.assign((count * 2 + 63) / 64, PackedLine{});
  auto* bytes = reinterpret_cast<std::uint8_t*>(w.lines.data());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int16_t value = s.weight[i];
    std::memcpy(bytes + i * 2, &value, 2);
  }
  w.view.data = bytes;
  return w;
}

QGemmWeights pack_vnni4(const QGemmSource& s) {
  return pack_panels(s, [](std::uint8_t* line, std::int64_t column, const std::int8_t* quad) {
    std::memcpy(line + column * 4, quad, 4);
  });
}

QGemmWeights pack_vnni4_with_limits(const QGemmSource& s) {
  QGemmWeights w = pack_vnni4(s);
  const std::int64_t k = s.taps * s.depth, pairs = wide_width(w.view) / 2;  // with zeros to the end of a row
  std::vector<int> most(pairs, 0), highest(pairs, -128);                    // of a pair's weights: magnitude; value
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t i = 0; i < k; ++i) {
      const int weight = s.weight[n * k + i];
      most[i / 2] = std::max(most[i / 2], std::abs(weight));
      highest[i / 2] = std::max(highest[i / 2], weight);
    }
  }
  constexpr int kMost = 32767;
  w.most_of_pair.resize(2 * pairs);
  for (std::int64_t p = 0; p < pairs; ++p) {
    w.most_of_pair[p] = static_cast<std::int16_t>(kMost / std::max(most[p], 1));
    w.most_of_pair[pairs + p] = static_cast<std::int16_t>(kMost / std::max(highest[p] + 128, 1));
  }
  w.view.most_of_pair = w.most_of_pair.data();
  w.view.most_of_signed_pair = w.most_of_pair.data() + pairs;
  return w;
}

std::int64_t wide_width(const QGemmView& view) {
  const std::int64_t lines = (view.run_taps * view.quads * 4 + 31) / 32;
  return (lines % 2 == 0 ? lines + 1 : lines) * 32;
}

std::int64_t wide_rows(const QGemmView& view) {
  constexpr std::int64_t tile = 12;
  static const std::int64_t enough = std::min<std::int64_t>(cache_bytes(2) / 4 * 3, 384 * 1024);
  const std::int64_t rows = enough / (wide_width(view) * 2) / tile * tile;
  return std::clamp<std::int64_t>(rows, tile, wide_rows_most);
}

std::int64_t wide_bytes(const QGemmView& view) { return wide_rows(view) * wide_width(view) * 2; }

bool bytes_pay(std::int64_t n, std::int64_t k) {
  const std::int64_t quads = (k + 3) / 4, panels = (n + 15) / 16;
  return quads >= 16 && panels >= 3 && quads * panels >= 96;
}

std::int64_t most_large_pairs(const QGemmView& view, std::int64_t rows) {
  // Taking one out of a row costs what is saved on a hundred pairs, its product what is saved on thirty, and a part of
  // the gain has to be left.
  const std::int64_t panels = (view.n + 15) / 16;
  return 4 + rows * view.run_taps * view.quads * panels / (40 * (panels + 8));
}

std::int64_t byte_block_bytes(const QGemmView& view) {
  const std::int64_t rows = wide_rows(view);
  return rows * wide_width(view) + most_large_pairs(view, rows) * static_cast<std::int64_t>(sizeof(LargePair)) +
         rows * 4;
}

std::uint8_t* scratch(std::int64_t bytes) {
  thread_local std::vector<PackedLine> buffer;
  const auto lines = static_cast<std::size_t>((bytes + 63) / 64);
  if (buffer.size() < lines) buffer.resize(lines);
  return reinterpret_cast<std::uint8_t*>(buffer.data());
}

namespace {

// A constant size turns the copies of image channels into single moves.
template <int Depth>
void copy_taps(const std::uint8_t* const* rows, std::int64_t taps, std::uint8_t* to) {
  for (std::int64_t t = 0; t < taps; ++t) std::memcpy(to + t * Depth, rows[t], Depth);
}

}  // namespace

void gather(const QGemmView& view, const std::uint8_t* const* rows, std::int64_t count, std::uint8_t* buffer,
            const std::uint8_t** dense) {
  const std::int64_t k = view.taps * view.depth, padded = view.quads * 4;
  for (std::int64_t r = 0; r < count; ++r, rows += view.taps) {
    std::uint8_t* to = buffer + r * padded;
    switch (view.depth) {
      case 1:
        copy_taps<1>(rows, view.taps, to);
        break;
      case 2:
        copy_taps<2>(rows, view.taps, to);
        break;
      case 3:
        copy_taps<3>(rows, view.taps, to);
        break;
      default:
        for (std::int64_t t = 0; t < view.taps; ++t) std::memcpy(to + t * view.depth, rows[t], view.depth);
    }
    for (std::int64_t i = k; i < padded; ++i) to[i] = 0;  // meets zero weights; zeroed to be defined
    dense[r] = to;
  }
}

}  // namespace bitsieve::qgemm

namespace bitsieve {

std::int64_t qgemm_scratch_bytes(const QGemmView& view) {
  const std::int64_t gathered = view.gather ? qgemm::kGatherRows * view.quads * 4 : 0, row = view.taps * view.depth * 2;
  return std::max(
      {gathered, row, qgemm::wide_bytes(view) + view.run_taps * view.quads * 4, qgemm::byte_block_bytes(view)});
}

}  // namespace bitsieve
