#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "kernels/shift_gemv/internal.h"

namespace bitsieve::shift_gemv {
namespace {

constexpr std::int64_t kRows = shift_gemv_rows;

int magnitude(std::int8_t weight) { return weight < 0 ? -weight : weight; }

// The weights of a source, zero after its last row and column, and its sets with as many bits as the row's largest.
class Padded {
 public:
  explicit Padded(const ShiftGemvSource& s) : s_(s), groups_((s.k + s.group - 1) / s.group) {}

  std::int8_t weight(std::int64_t n, std::int64_t i) const {
    return n < s_.n && i < s_.k ? s_.weight[n * s_.k + i] : 0;
  }

  int shifts(std::int64_t n) const {
    int most = 0;
    for (std::int64_t g = 0; n < s_.n && g < groups_; ++g)
      most = std::max(most, std::popcount(s_.sets[n * groups_ + g]));
    return most;
  }

  // Of the group of column i; none after the last column, where no planes follow either.
  unsigned set(std::int64_t n, std::int64_t i, int shifts) const {
    if (n >= s_.n || i >= s_.k) return 0;
    unsigned set = s_.sets[n * groups_ + i / s_.group];
    while (std::popcount(set) < shifts) set |= set + 1;  // bits that no weight uses
    return set;
  }

  void check() const {
    for (std::int64_t n = 0; n < s_.n; ++n) {
      for (std::int64_t i = 0; i < s_.k; i += s_.group) {
        int used = 0;
        for (std::int64_t j = i; j < std::min(s_.k, i + s_.group); ++j) used |= magnitude(weight(n, j));
        if ((used & ~s_.sets[n * groups_ + i / s_.group]) != 0)
          throw Error(fmt::format("packed weights: row {}, columns from {}: bits outside their set", n, i));
      }
    }
  }

 private:
  const ShiftGemvSource& s_;
  std::int64_t groups_;
};

// Sizes and the padded per-row arrays.
ShiftGemvWeights prepare(const ShiftGemvSource& s) {
  ShiftGemvWeights w;
  const std::int64_t padded = (s.n + kRows - 1) / kRows * kRows;
  w.bias.assign(padded, 0);
  w.bias_signed.assign(padded, 0);
  w.multiplier.assign(padded, 0.0f);
  for (std::int64_t n = 0; n < s.n; ++n) {
    std::uint32_t sum = 0;  // unsigned: wraps like the kernels do
    for (std::int64_t i = 0; i < s.k; ++i) sum += static_cast<std::uint32_t>(s.weight[n * s.k + i]);
    w.bias[n] = s.bias == nullptr ? 0 : s.bias[n];
    w.bias_signed[n] = static_cast<std::int32_t>(static_cast<std::uint32_t>(w.bias[n]) - 128u * sum);
    w.multiplier[n] = s.multiplier[n];
  }
  w.panels.resize(padded / kRows);
  w.view.n = s.n;
  w.view.k = s.k;
  w.view.quads = s.group == 4;
  w.view.octets = w.view.quads ? 4 : std::max<std::int64_t>(1, s.group / 8);
  w.view.blocks = (s.k + 64 * w.view.octets - 1) / (64 * w.view.octets);
  w.view.panels = w.panels.data();
  w.view.bias = w.bias.data();
  w.view.bias_signed = w.bias_signed.data();
  w.view.multiplier = w.multiplier.data();
  return w;
}

// One row of one block of groups of eight and more; returns where the next starts.
std::uint8_t* pack_row(const Padded& source, const ShiftGemvView& view, std::int64_t n, std::int64_t block, int shifts,
                       std::uint8_t* to) {
  const std::int64_t first = block * view.octets * 8;
  for (std::int64_t g = 0; g < 8; ++g) {
    const unsigned set = source.set(n, octet_column(view, first + g), shifts);
    for (int b = 0; b < 8; ++b) *to = static_cast<std::uint8_t>(*to | (set >> b & 1u) << (7 - b));
    ++to;
  }
  for (std::int64_t o = 0; o < view.octets; ++o, to += 8 + 8 * shifts) {
    for (std::int64_t g = 0; g < 8; ++g) {
      const std::int64_t column = octet_column(view, first + o * 8 + g);
      const unsigned set = source.set(n, column, shifts);
      for (std::int64_t i = 0; i < 8; ++i) {
        const std::int8_t weight = source.weight(n, column + i);
        if (weight == 0) continue;
        to[g] = static_cast<std::uint8_t>(to[g] | (weight < 0 ? 1u : 0u) << i);
        std::uint8_t* plane = to + 8 + g * shifts;
        for (unsigned left = set; left != 0; ++plane) {
          const unsigned bit = std::bit_floor(left);
          left -= bit;
          if ((static_cast<unsigned>(magnitude(weight)) & bit) != 0)
            *plane = static_cast<std::uint8_t>(*plane | 1u << i);
        }
      }
    }
  }
  return to;
}

// The rows of a panel from row n on, one block of groups of four.
std::uint8_t* pack_quads(const Padded& source, std::int64_t n, std::int64_t block, int shifts, std::uint8_t* to) {
  const QuadForm form{shifts};
  const auto mark = [](std::uint8_t& byte, int bit) { byte = static_cast<std::uint8_t>(byte | 1u << bit); };
  for (std::int64_t r = 0; r < kRows; ++r) {
    std::uint8_t* const row = to + r * form.row_bytes();
    for (std::int64_t c = 0; c < 256; ++c) {
      const std::int8_t weight = source.weight(n + r, block * 256 + c);
      const unsigned set = source.set(n + r, block * 256 + c / 4 * 4, 0);
      if (c % 4 == 0) row[form.set_byte(c)] = static_cast<std::uint8_t>(set);
      std::uint8_t& code = row[form.code_byte(c)];
      unsigned left = set;
      for (int j = 0; left != 0; ++j, left &= left - 1) {
        if ((static_cast<unsigned>(magnitude(weight)) >> std::countr_zero(left) & 1u) != 0)
          mark(code, form.code_bit(c, j));
      }
      if (weight >= 0) continue;
      if (form.sign_in_code()) {
        mark(code, form.code_bit(c, shifts));
      } else {
        mark(to[form.sign_byte(r, c)], static_cast<int>(c % 8));
      }
    }
  }
  return to + form.panel_bytes();
}

std::uint8_t* pack_plain_row(const Padded& source, const ShiftGemvView& view, std::int64_t n, std::int64_t block,
                             std::uint8_t* to) {
  for (std::int64_t octet = 0; octet < view.octets * 8; ++octet) {
    const std::int64_t column = octet_column(view, block * view.octets * 8 + octet);
    for (std::int64_t i = 0; i < 8; ++i) *to++ = static_cast<std::uint8_t>(source.weight(n, column + i));
  }
  return to;
}

// What is stored of a block of a panel whose rows start at n.
std::int64_t plan_panel(const Padded& source, const ShiftGemvSource& s, const ShiftGemvView& view, std::int64_t n,
                        ShiftGemvPanel& panel) {
  const std::int64_t plain_bytes = kRows * view.octets * 64;
  std::int64_t bytes = kRows * (8 + view.octets * 8);
  // Sets of one or two weights are nearly as large as the weights: not worth a decoder.
  panel.plain = s.sets == nullptr || s.group < 4;
  for (std::int64_t r = 0; r < kRows && !panel.plain; ++r) {
    panel.shifts[r] = static_cast<std::uint8_t>(source.shifts(n + r));
    bytes += view.octets * 8 * panel.shifts[r];
  }
  if (view.quads) {
    const std::uint8_t most = std::max<std::uint8_t>(1, *std::max_element(panel.shifts, panel.shifts + kRows));
    std::fill(panel.shifts, panel.shifts + kRows, most);
    bytes = most <= 4 ? QuadForm{most}.panel_bytes() : plain_bytes;
  }
  panel.plain = panel.plain || bytes >= plain_bytes;
  return panel.plain ? plain_bytes : bytes;
}

}  // namespace

ShiftGemvWeights pack(const ShiftGemvSource& s) {
  ShiftGemvWeights w = prepare(s);
  const ShiftGemvView& v = w.view;
  const Padded source(s);
  if (s.sets != nullptr) source.check();
  for (std::size_t p = 0; p < w.panels.size(); ++p) {
    w.panels[p].offset = w.packed_bytes;
    const std::int64_t block = plan_panel(source, s, v, static_cast<std::int64_t>(p) * kRows, w.panels[p]);
    w.packed_bytes += (v.blocks * block + 63) / 64 * 64;  // kernels load whole lines of some forms
  }
  w.lines.assign((w.packed_bytes + kSlack + 63) / 64, PackedLine{});
  w.view.data = reinterpret_cast<const std::uint8_t*>(w.lines.data());
  for (std::size_t p = 0; p < w.panels.size(); ++p) {
    const ShiftGemvPanel& panel = w.panels[p];
    std::uint8_t* to = reinterpret_cast<std::uint8_t*>(w.lines.data()) + panel.offset;
    for (std::int64_t block = 0; block < v.blocks; ++block) {
      const std::int64_t n = static_cast<std::int64_t>(p) * kRows;
      if (v.quads && !panel.plain) {
        to = pack_quads(source, n, block, panel.shifts[0], to);
        continue;
      }
      for (std::int64_t r = 0; r < kRows; ++r) {
        to = panel.plain ? pack_plain_row(source, v, n + r, block, to)
                         : pack_row(source, v, n + r, block, panel.shifts[r], to);
      }
    }
  }
  return w;
}

const std::uint8_t* arrange(const ShiftGemvArgs& args) {
  const ShiftGemvView& v = args.weights;
  const std::int64_t bytes = shift_gemv_scratch_bytes(v);
  std::uint8_t* to = args.scratch;
  if (to == nullptr) {
    thread_local std::vector<PackedLine> buffer;
    if (buffer.size() < static_cast<std::size_t>(bytes / 64)) buffer.resize(static_cast<std::size_t>(bytes / 64));
    to = reinterpret_cast<std::uint8_t*>(buffer.data());
  }
  const std::uint64_t flip = args.signed_input ? 0x8080808080808080u : 0;
  for (std::int64_t octet = 0; octet < bytes / 8; ++octet) {
    const std::int64_t column = octet_column(v, octet);
    const std::int64_t left = std::clamp<std::int64_t>(v.k - column, 0, 8);
    std::uint64_t eight = 0;
    if (left > 0) std::memcpy(&eight, args.x + column, static_cast<std::size_t>(left));
    eight ^= flip;  // meets zero weights where there is no column
    std::memcpy(to + octet * 8, &eight, 8);
  }
  return to;
}

}  // namespace bitsieve::shift_gemv
