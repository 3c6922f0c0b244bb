// Prints the time of matrix-vector products with packed shared shifts beside two products of int8 weights: qgemm with
// one row, and the same streaming loop as the packed one without its decoder. Medians of alternating runs.
//
// "memory" cycles through copies of the matrix that together take well over the last-level cache even when packed;
// "cache" repeats one matrix, which lies in whatever cache holds it. Arguments: threads (1), seconds a case (1), and
// the last-level cache in MB (260).
#include <fmt/format.h>

#include <algorithm>
#include <barrier>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <thread>

#include "kernels/qgemm/qgemm.h"
#include "kernels/shift_gemv/shift_gemv.h"

namespace bitsieve {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSlices = 2;  // qgemm has no range of rows, so its matrix is packed in this many parts

struct Shape {
  std::int64_t n, k;
};
constexpr Shape kShapes[] = {{1024, 1024}, {4096, 4096}, {8192, 8192}, {16384, 8192}};

// product(copy, thread, threads) computes that thread's share of the rows.
using Product = std::function<void(std::size_t, int, int)>;

struct Format {
  double bytes = 0;  // of one copy
  bool from_memory = false;
  Product product;
};

// Seconds of each product when every copy is used once in turn.
double sweep(const Format& format, std::size_t copies, int threads) {
  if (threads == 1) {
    const auto start = Clock::now();
    for (std::size_t c = 0; c < copies; ++c) format.product(c, 0, 1);
    return std::chrono::duration<double>(Clock::now() - start).count() / static_cast<double>(copies);
  }
  std::barrier together(threads);
  Clock::time_point start;
  std::vector<std::thread> crew;
  const auto work = [&](int t) {
    together.arrive_and_wait();
    if (t == 0) start = Clock::now();
    for (std::size_t c = 0; c < copies; ++c) {
      format.product(c, t, threads);
      together.arrive_and_wait();  // the next layer needs all of this one
    }
  };
  for (int t = 1; t < threads; ++t) crew.emplace_back(work, t);
  work(0);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  for (auto& thread : crew) thread.join();
  return seconds / static_cast<double>(copies);
}

double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

struct Data {
  std::vector<std::int8_t> weight;
  std::vector<std::uint8_t> sets, x, out;
  std::vector<float> multiplier;
};

Data draw(Shape shape, std::int64_t group, int shifts) {
  Data d;
  std::mt19937_64 random(1);
  std::vector<std::uint8_t> choices;
  for (unsigned set = 1; set < 256; ++set) {
    if (std::popcount(set) == shifts) choices.push_back(static_cast<std::uint8_t>(set));
  }
  d.weight.resize(static_cast<std::size_t>(shape.n * shape.k));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < d.weight.size(); ++i, bits >>= 8) {
    if (i % 8 == 0) bits = random();
    if (i % static_cast<std::size_t>(group) == 0) d.sets.push_back(choices[(bits >> 32) % choices.size()]);
    const auto magnitude = static_cast<int>(bits & d.sets.back() & 127u);
    d.weight[i] = static_cast<std::int8_t>((bits >> 7 & 1u) != 0 ? -magnitude : magnitude);
  }
  d.x.assign(static_cast<std::size_t>(shape.k), 3);
  d.out.resize(static_cast<std::size_t>(shape.n));
  d.multiplier.assign(static_cast<std::size_t>(shape.n), 0.001f);
  return d;
}

// A packed matrix, and copies of it at other addresses.
struct Gemv {
  ShiftGemvWeights weights;
  std::vector<std::vector<PackedLine>> copies;
  Format format;

  Gemv(const ShiftGemvKernel& kernel, const ShiftGemvSource& source, Data& data, std::size_t count)
      : weights(kernel.pack(source)), copies(count, weights.lines) {
    format.bytes = static_cast<double>(weights.packed_bytes);
    format.product = [this, &kernel, &data](std::size_t copy, int thread, int threads) {
      ShiftGemvArgs args;
      args.weights = weights.view;
      args.weights.data = reinterpret_cast<const std::uint8_t*>(copies[copy].data());
      const std::int64_t n = args.weights.n;
      args.first = n * thread / threads;
      args.last = n * (thread + 1) / threads;
      args.x = data.x.data();
      args.from_memory = format.from_memory;
      args.out = data.out.data();
      kernel.run(args);
    };
  }
  Gemv(const Gemv&) = delete;
  Gemv& operator=(const Gemv&) = delete;
};

struct Dense {
  std::vector<QGemmWeights> slices;
  std::vector<std::vector<PackedLine>> copies[kSlices];
  const std::uint8_t* row = nullptr;
  Format format;

  Dense(const QGemmKernel& kernel, Shape shape, Data& data, std::size_t count) : row(data.x.data()) {
    const std::int64_t part = shape.n / kSlices;
    for (int s = 0; s < kSlices; ++s) {
      const std::int64_t first = s * part;
      slices.push_back(kernel.pack(
          {part, 1, shape.k, data.weight.data() + first * shape.k, nullptr, data.multiplier.data() + first}));
      copies[s].assign(count, slices.back().lines);
    }
    format.bytes = static_cast<double>(shape.n * shape.k);
    format.product = [this, &kernel, &data, part](std::size_t copy, int thread, int threads) {
      for (int s = thread; s < kSlices; s += threads) {
        QGemmArgs args{1, &row, slices[s].view, false, {}, data.out.data() + s * part, part};
        args.weights.data = reinterpret_cast<const std::uint8_t*>(copies[s][copy].data());
        kernel.run(args);
      }
    };
  }
  Dense(const Dense&) = delete;
  Dense& operator=(const Dense&) = delete;
};

void report(Shape shape, bool memory, std::int64_t group, int shifts, Format* (&formats)[3], std::size_t copies,
            int threads, double seconds) {
  std::vector<double> times[3];
  const auto start = Clock::now();
  // In the cache a product is repeated after one that only brings the weights back.
  const std::size_t used = memory ? copies : 1;
  for (Format* format : formats) format->from_memory = memory;
  do {
    for (int f = 0; f < 3; ++f) {
      if (!memory) sweep(*formats[f], used, threads);
      for (int again = memory ? 1 : 3; again > 0; --again) times[f].push_back(sweep(*formats[f], used, threads));
    }
  } while (times[0].size() < 5 || std::chrono::duration<double>(Clock::now() - start).count() < seconds);
  double t[3], rate[3];
  for (int f = 0; f < 3; ++f) {
    t[f] = median(times[f]);
    rate[f] = formats[f]->bytes / t[f] * 1e-9;
  }
  const double weights = static_cast<double>(shape.n * shape.k);
  fmt::print(
      "{:>5}x{:<5} {:<7}{:>3}{:>4}{:>7.2f} |{:>9.3f}{:>9.3f}{:>9.3f} |{:>7.1f}{:>7.1f}{:>7.1f} |{:>7.1f} "
      "|{:>7.2f}{:>7.2f}\n",
      shape.n, shape.k, memory ? "memory" : "cache", shifts, group, formats[2]->bytes * 8 / weights, t[0] * 1e3,
      t[1] * 1e3, t[2] * 1e3, rate[0], rate[1], rate[2], weights / t[2] * 1e-9, t[0] / t[2], t[1] / t[2]);
  std::fflush(stdout);
}

void run_all(int threads, double seconds, double cache_mb) {
  const QGemmKernel& qgemm = select_qgemm(best_isa());
  const ShiftGemvKernel& gemv = select_shift_gemv(best_isa(), gfni_supported());
  fmt::print("{}, {}, {} thread(s); plain: the loop of the second on int8 weights\n", qgemm.name, gemv.name, threads);
  fmt::print("{:<19}{:>3}{:>4}{:>7} |{:>27} |{:>21} |{:>7} |{:>14}\n", "", "N", "M", "bits",
             "ms: qgemm    plain   packed", "GB/s: same", "Gw/s", "q/pack pl/pack");
  for (const Shape shape : kShapes) {
    const double bytes = static_cast<double>(shape.n * shape.k);
    const bool small = bytes < 4e6;
    // Packed weights take no less than 0.3 of the plain ones: well over the cache then as well.
    const auto copies = small ? std::size_t{1} : static_cast<std::size_t>(cache_mb * 1e6 * 1.5 / 0.3 / bytes) + 1;
    Data data = draw(shape, 16, 4);
    Dense dense(qgemm, shape, data, copies);
    Gemv plain(gemv, {shape.n, shape.k, 16, data.weight.data(), nullptr, nullptr, data.multiplier.data()}, data,
               copies);
    for (const int shifts : {1, 2, 3, 4}) {
      for (const std::int64_t group : {4, 8, 16}) {
        Data drawn = draw(shape, group, shifts);
        Gemv packed(gemv,
                    {shape.n, shape.k, group, drawn.weight.data(), drawn.sets.data(), nullptr, drawn.multiplier.data()},
                    drawn, copies);
        Format* formats[] = {&dense.format, &plain.format, &packed.format};
        report(shape, false, group, shifts, formats, copies, threads, seconds);
        if (!small) report(shape, true, group, shifts, formats, copies, threads, seconds);
      }
    }
  }
}

}  // namespace
}  // namespace bitsieve

int main(int argc, char** argv) {
  bitsieve::run_all(argc > 1 ? std::atoi(argv[1]) : 1, argc > 2 ? std::atof(argv[2]) : 1.0,
                    argc > 3 ? std::atof(argv[3]) : 260.0);
}
