#include "kernels/shift_search/internal.h"

namespace bitsieve {

ShiftSearchTable::ShiftSearchTable(int sets, int numerator, int denominator,
                                   const std::function<int(int weight, int set)>& error)
    : sets_(sets), lanes_((sets + 31) / 32 * 32), numerator_(numerator), denominator_(denominator) {
  lines_.assign(static_cast<std::size_t>(256 * 2 * lanes_) * sizeof(std::int16_t) / sizeof(PackedLine), PackedLine{});
  for (int weight = -128; weight < 128; ++weight) {
    auto* row = const_cast<std::int16_t*>(this->row(static_cast<std::int8_t>(weight)));
    for (int lane = 0; lane < lanes_; ++lane) row[lanes_ + lane] = -1;  // 65535: no set here, never the least
    for (int set = 0; set < sets; ++set) {
      const int e = error(weight, set);
      row[lane_of(set)] = static_cast<std::int16_t>(e);
      row[lanes_ + lane_of(set)] = static_cast<std::int16_t>(e * e);
    }
  }
}

JointSearchTable::JointSearchTable(int sets, int numerator, int denominator,
                                   const std::function<int(int weight, int set)>& first,
                                   const std::function<int(int weight, int set)>& second)
    : sets_(sets), lanes_((sets + 15) / 16 * 16), numerator_(numerator), denominator_(denominator) {
  const auto bytes = static_cast<std::size_t>(256 * 2 * lanes_) * sizeof(std::int16_t);
  lines_.assign((bytes + sizeof(PackedLine) - 1) / sizeof(PackedLine), PackedLine{});
  for (int weight = -128; weight < 128; ++weight) {
    auto* row = const_cast<std::int16_t*>(this->row(static_cast<std::int8_t>(weight)));
    for (int set = 0; set < sets; ++set) {
      row[set] = static_cast<std::int16_t>(first(weight, set));
      row[lanes_ + set] = static_cast<std::int16_t>(second(weight, set));
    }
  }
}

namespace shift_search {
namespace {

void run(const ShiftSearchArgs& args) {
  for (std::int64_t g = 0; g < args.groups; ++g) {
    search_group(*args.table, args.weights + g * args.group, args.group, args.set + g, args.cost + g);
  }
}

}  // namespace

void search_group(const ShiftSearchTable& table, const std::int8_t* weights, std::int64_t group, std::uint8_t* set,
                  std::uint32_t* cost) {
  std::int64_t least = INT64_MAX;
  for (int s = 0; s < table.sets(); ++s) {
    const int lane = table.lane_of(s);
    std::int64_t squares = 0, sum = 0;
    for (std::int64_t i = 0; i < group; ++i) {
      const std::int64_t e = table.row(weights[i])[lane];
      squares += e * e;
      sum += e;
    }
    const std::int64_t j = table.denominator() * squares + table.numerator() * sum * sum;
    if (j < least) {
      least = j;
      *set = static_cast<std::uint8_t>(s);
    }
  }
  *cost = static_cast<std::uint32_t>(least);
}

const ShiftSearchKernel portable{"shift_search_portable", Isa::portable, run, joint_portable};

}  // namespace shift_search
}  // namespace bitsieve
