#include "methods/swis/stream.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "base/error.h"

namespace bitsieve::swis {
namespace {

class BitWriter {
 public:
  void put(unsigned value, int bits) {
    held_ |= std::uint64_t{value} << count_;
    for (count_ += bits; count_ >= 8; count_ -= 8, held_ >>= 8) bytes_ += static_cast<char>(held_ & 0xff);
  }
  void fill_byte() {
    if (count_ > 0) put(0, 8 - count_);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::uint64_t held_ = 0;
  int count_ = 0;
};

class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}
  // The caller knows that the bits are there.
  unsigned get(int bits) {
    while (count_ < bits) {
      held_ |= std::uint64_t{static_cast<unsigned char>(bytes_[at_++])} << count_;
      count_ += 8;
    }
    const auto value = static_cast<unsigned>(held_ & ((std::uint64_t{1} << bits) - 1));
    held_ >>= bits;
    count_ -= bits;
    return value;
  }
  void fill_byte() {
    if (held_ != 0) fail("bits that fill a byte are not 0");
    count_ = 0;
  }

 private:
  std::string_view bytes_;
  std::uint64_t held_ = 0;
  std::size_t at_ = 0;
  int count_ = 0;
};

// Calls body(group of the layer, first weight in a filter, weights without padding) for the groups of one filter.
template <class Body>
void for_each_group(const SharedShifts& code, std::int64_t k, const Body& body) {
  for (std::int64_t g = 0, run = 0; run < k; run += code.run) {
    for (std::int64_t at = 0; at < code.run; at += code.group, ++g) {
      body(g, run + at, std::min(code.group, code.run - at));
    }
  }
}

void write_group(const SharedShifts& code, std::uint8_t set, std::span<const std::int8_t> weights, std::int64_t size,
                 BitWriter& out) {
  for (const std::int8_t w : weights) out.put(w < 0, 1);
  const auto fill = [&] {
    for (auto i = static_cast<std::int64_t>(weights.size()); i < size; ++i) out.put(0, 1);
  };
  fill();
  if (code.consecutive) out.put(static_cast<unsigned>(std::countr_zero(set)), 3);
  for (int p = 0; p < 8; ++p) {
    if ((set >> p & 1) == 0) continue;
    if (!code.consecutive) out.put(static_cast<unsigned>(p), 3);
    for (const std::int8_t w : weights) out.put(static_cast<unsigned>(std::abs(w)) >> p & 1, 1);
    fill();
  }
}

// `weights` gets the group's weights; the padding is read and must be 0.
std::uint8_t read_group(const SharedShifts& code, int shifts, std::span<std::int8_t> weights, std::int64_t size,
                        std::vector<std::uint8_t>& sign, BitReader& in) {
  const auto real = static_cast<std::int64_t>(weights.size());
  const auto bits = [&](const auto& put) {
    for (std::int64_t i = 0; i < size; ++i) {
      const unsigned bit = in.get(1);
      if (i < real) {
        put(static_cast<std::size_t>(i), bit);
      } else if (bit != 0) {
        fail("a weight that fills a group is not 0");
      }
    }
  };
  std::fill(weights.begin(), weights.end(), std::int8_t{0});
  bits([&](std::size_t i, unsigned bit) { sign[i] = static_cast<std::uint8_t>(bit); });
  unsigned set = 0;
  int position = code.consecutive ? static_cast<int>(in.get(3)) : 0;
  if (code.consecutive && position + shifts > 8) fail("{} positions from {} on; there are 8", shifts, position);
  for (int j = 0; j < shifts; ++j, ++position) {
    if (!code.consecutive) {
      position = static_cast<int>(in.get(3));
      if (set >> position != 0) fail("the positions of a group do not ascend");
    }
    set |= 1u << position;
    bits([&](std::size_t i, unsigned bit) {
      weights[i] = static_cast<std::int8_t>(static_cast<unsigned char>(weights[i]) | bit << position);
    });
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto magnitude = static_cast<unsigned char>(weights[i]);
    if (magnitude == 0 && sign[i] != 0) fail("a weight of 0 with a sign");
    if (magnitude > 128 || (magnitude == 128 && sign[i] == 0)) fail("a weight outside of -128 to 127");
    weights[i] = static_cast<std::int8_t>(sign[i] != 0 ? -int{magnitude} : int{magnitude});
  }
  return static_cast<std::uint8_t>(set);
}

int filter_bits(std::int64_t outputs) { return std::bit_width(static_cast<std::uint64_t>(outputs - 1)); }

void read_schedule(SharedShifts& code, std::int64_t outputs, BitReader& in) {
  code.shifts.clear();
  for (std::int64_t b = 0; b < filter_blocks(code, outputs); ++b) {
    const unsigned shifts = in.get(4);
    if (shifts < 1 || shifts > 8) fail("{} shifts", shifts);
    code.shifts.push_back(static_cast<std::uint8_t>(shifts));
  }
  in.fill_byte();
  std::vector<bool> seen(static_cast<std::size_t>(outputs));
  for (std::int64_t i = 0; i < outputs; ++i) {
    const unsigned filter = in.get(filter_bits(outputs));
    if (filter >= outputs || seen[filter]) fail("the order of filters is no permutation");
    seen[filter] = true;
    code.filter.push_back(filter);
  }
  in.fill_byte();
}

}  // namespace

std::string encode_stream(const SharedShifts& code, std::span<const std::int8_t> weights, std::int64_t outputs) {
  BitWriter out;
  if (is_scheduled(code)) {
    for (const std::uint8_t shifts : code.shifts) out.put(shifts, 4);
    out.fill_byte();
    for (std::int64_t i = 0; i < outputs; ++i) {
      const auto at = static_cast<std::size_t>(i);
      out.put(code.filter.empty() ? static_cast<unsigned>(i) : code.filter[at], filter_bits(outputs));
    }
    out.fill_byte();
  }
  const auto k = static_cast<std::int64_t>(weights.size()) / std::max<std::int64_t>(outputs, 1);
  if (code.one_group) {
    write_group(code, code.set[0], weights, outputs * k, out);
    out.fill_byte();
    return out.bytes();
  }
  const std::int64_t per_filter = groups_of_filter(code, k);
  for (std::int64_t i = 0, block = 0; block < filter_blocks(code, outputs); ++block) {
    for (const std::int64_t end = i + filters_of_block(code, outputs, block); i < end; ++i) {
      const std::int64_t o = code.filter.empty() ? i : code.filter[static_cast<std::size_t>(i)];
      for_each_group(code, k, [&](std::int64_t g, std::int64_t from, std::int64_t size) {
        write_group(code, code.set[static_cast<std::size_t>(o * per_filter + g)],
                    weights.subspan(static_cast<std::size_t>(o * k + from), static_cast<std::size_t>(size)), code.group,
                    out);
      });
    }
    out.fill_byte();
  }
  return out.bytes();
}

std::vector<std::int8_t> decode_stream(std::string_view bytes, bool scheduled, SharedShifts& code, std::int64_t outputs,
                                       std::int64_t k) {
  BitReader in(bytes);
  if (scheduled) {
    SharedShifts schedule = code;
    schedule.shifts.assign(2, 1);  // any schedule has the same size
    if (static_cast<std::uint64_t>(schedule_bytes(schedule, outputs)) > bytes.size())
      fail("{} bytes are too few for the schedule of {} filters", bytes.size(), outputs);
    read_schedule(code, outputs, in);
  }
  if (static_cast<std::uint64_t>(stored_bytes(code, outputs, k)) != bytes.size()) {
    fail("{} bytes for {} weights in groups of {}; {} are needed", bytes.size(), outputs * k,
         group_size(code, outputs, k), stored_bytes(code, outputs, k));
  }
  std::vector<std::int8_t> weights(static_cast<std::size_t>(outputs * k));
  const std::int64_t size = group_size(code, outputs, k), per_filter = groups_of_filter(code, k);
  std::vector<std::uint8_t> sign(static_cast<std::size_t>(size));
  if (code.one_group) {
    code.set = {read_group(code, code.shifts[0], weights, size, sign, in)};
    in.fill_byte();
    return weights;
  }
  code.set.resize(static_cast<std::size_t>(outputs * per_filter));
  for (std::int64_t i = 0, block = 0; block < filter_blocks(code, outputs); ++block) {
    const int shifts = code.shifts[static_cast<std::size_t>(block)];
    for (const std::int64_t end = i + filters_of_block(code, outputs, block); i < end; ++i) {
      const std::int64_t o = code.filter.empty() ? i : code.filter[static_cast<std::size_t>(i)];
      for_each_group(code, k, [&](std::int64_t g, std::int64_t from, std::int64_t real) {
        code.set[static_cast<std::size_t>(o * per_filter + g)] = read_group(
            code, shifts,
            std::span(weights).subspan(static_cast<std::size_t>(o * k + from), static_cast<std::size_t>(real)), size,
            sign, in);
      });
    }
    in.fill_byte();
  }
  return weights;
}

}  // namespace bitsieve::swis
