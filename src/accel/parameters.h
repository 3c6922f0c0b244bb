// What can be said about a machine: a TOML file that people copy and change.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace bitsieve::accel {

// When a tile's sums leave an output-stationary array of R rows and C columns whose operands come in skewed.
enum class Drain {
  none,        // every tile takes T + R + C - 2 cycles; shifting out is not counted (SCALE-Sim)
  serial,      // and R more to shift out
  overlapped,  // accumulators are double: tiles follow each other without a gap, but R cycles apart at least, in which
               // the sums leave; R + C - 2 once a layer
};

// Tiles at the edge of a layer, with fewer rows and columns than the array.
enum class Partial {
  full,   // are waited for as if they were whole (SCALE-Sim)
  exact,  // fill and drain as far as they reach
};

// Depthwise layers share no activations between columns.
enum class Depthwise {
  column,    // one channel at a time, in one column
  separate,  // each column has activations of its own, which takes as many times the bandwidth
};

// Layers of one pixel, fully connected ones, on arrays whose rows are pixels.
enum class Vectors {
  row,    // filters in the columns of one row; the others have nothing to do
  array,  // filters in all rows, each with weights of its own, which takes as many times the bandwidth
};

// Where SPARQ's elements can have windows of 4 bits: at 5, 3 or 2 positions of 8 bits (specification of SPARQ, D.4).
// What stands in the model may need fewer.
enum class Windows { opt5, opt3, opt2 };
const char* to_string(Windows windows);  // "5opt"

inline constexpr std::int64_t most_lanes = 1024;

// The keys of [array]. A machine's file has those that the machine looks at, and no others.
namespace array_key {
inline constexpr unsigned rows = 1, columns = 2, lanes = 4, units = 8, drain = 16, partial = 32, depthwise = 64,
                          vectors = 128, windows = 256;
}

struct Parameters {
  std::string machine;  // row of the table (machines.h)
  std::string name;     // for reports and files; the machine's where nothing is said

  // The array. What a row and a column stand for is the machine's.
  std::int64_t rows = 8, columns = 8;
  std::int64_t lanes = 1;  // products of a processing element at a time
  std::int64_t units = 1;  // such arrays
  Drain drain = Drain::overlapped;
  Partial partial = Partial::exact;
  Depthwise depthwise = Depthwise::column;
  Vectors vectors = Vectors::row;
  Windows windows = Windows::opt5;
  unsigned keys = 511;  // of array_key: what the machine looks at

  double clock_mhz = 1000;
  std::int64_t weight_buffer_kib = 64, activation_buffer_kib = 128;
  bool double_buffered = true;   // half of a buffer is filled while the other is read
  double dram_gb_per_s = 12.8;   // 1e9 bytes
  double dram_latency_ns = 100;  // before the first byte of a layer
};

// Of the machine that the text names, with its defaults where it says nothing else. Throws Error with line and key.
Parameters parse_parameters(std::string_view text, const std::string& origin,
                            const Parameters& (*defaults)(const std::string& machine));
std::string to_toml(const Parameters& parameters);
// How what does not fit the array evenly is mapped, as far as the machine's file says: "drain overlapped; partial
// exact".
std::string modes_of(const Parameters& parameters);

// Bytes a cycle.
double dram_bytes_per_cycle(const Parameters& parameters);
double dram_latency_cycles(const Parameters& parameters);

}  // namespace bitsieve::accel
