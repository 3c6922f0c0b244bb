// Prints the speed of qgemm, of Winograd's products, of widened copies, of the 2:4 mode and of float on layers of
// ResNet-20, ResNet-50 and MobileNetV2, one thread, for each instruction set of this machine. One multiply-add of the
// direct product counts as two operations.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "kernels/f32conv/f32conv.h"
#include "kernels/qgemm/qgemm.h"
#include "kernels/two_of_four/two_of_four.h"
#include "kernels/wide_conv/wide_conv.h"
#include "kernels/winograd/winograd.h"

namespace bitsieve {
namespace {

struct Layer {
  const char* name;
  std::int64_t size, in, out, kernel;  // square images, stride 1, padding kernel / 2
};

constexpr Layer kLayers[] = {
    {"resnet20 first 3x3 3->16", 32, 3, 16, 3},  {"resnet20 3x3 16->16", 32, 16, 16, 3},
    {"resnet20 3x3 32->32", 16, 32, 32, 3},      {"resnet20 3x3 64->64", 8, 64, 64, 3},
    {"resnet50 1x1 64->256", 56, 64, 256, 1},    {"resnet50 3x3 64->64", 56, 64, 64, 3},
    {"resnet50 3x3 128->128", 28, 128, 128, 3},  {"resnet50 1x1 1024->256", 14, 1024, 256, 1},
    {"resnet50 3x3 512->512", 7, 512, 512, 3},   {"linear 2048->1000", 1, 2048, 1000, 1},
    {"mobilenetv2 1x1 16->96", 56, 16, 96, 1},   {"mobilenetv2 1x1 24->144", 56, 24, 144, 1},
    {"mobilenetv2 1x1 32->16", 56, 32, 16, 1},   {"mobilenetv2 1x1 96->24", 56, 96, 24, 1},
    {"mobilenetv2 1x1 32->192", 28, 32, 192, 1},
};

// The indirection array of a padded convolution.
template <class T>
std::vector<const T*> indirect(const Layer& layer, const T* image, const T* zeros) {
  std::vector<const T*> rows;
  const std::int64_t pad = layer.kernel / 2;
  for (std::int64_t i = 0; i < layer.size * layer.size * layer.kernel * layer.kernel; ++i) {
    const std::int64_t tap = i % (layer.kernel * layer.kernel), at = i / (layer.kernel * layer.kernel);
    const std::int64_t y = at / layer.size + tap / layer.kernel - pad, x = at % layer.size + tap % layer.kernel - pad;
    const bool inside = y >= 0 && y < layer.size && x >= 0 && x < layer.size;
    rows.push_back(inside ? image + (y * layer.size + x) * layer.in : zeros);
  }
  return rows;
}

// Best of many short runs: the least disturbed one.
template <class Run>
double best_seconds(Run run) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9;
  const auto start = Clock::now();
  do {
    const auto before = Clock::now();
    run();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - before).count());
  } while (Clock::now() - start < std::chrono::milliseconds(150));
  return best;
}

double giga_ops(const Layer& layer) {
  return 2e-9 * static_cast<double>(layer.size * layer.size * layer.kernel * layer.kernel * layer.in * layer.out);
}

double bench_qgemm(const QGemmKernel& kernel, const Layer& layer, bool is_signed) {
  const std::int64_t taps = layer.kernel * layer.kernel, m = layer.size * layer.size;
  std::vector<std::uint8_t> image(m * layer.in, 3), zeros(layer.in), out(m * layer.out);
  std::vector<std::int8_t> weight(layer.out * taps * layer.in, 5);
  // With AVX2, products of pairs of values that are large beside large weights are made apart: one pair of 256.
  for (std::size_t i = 0; i < image.size(); i += 512) image[i] = image[i + 1] = 200;
  for (std::size_t i = 0; i < weight.size(); i += 7) weight[i] = 127;
  std::vector<float> multiplier(layer.out, 0.01f);
  const auto rows = indirect(layer, image.data(), zeros.data());
  const auto packed = kernel.pack({layer.out, taps, layer.in, weight.data(), nullptr, multiplier.data()});
  const QGemmArgs args{m, rows.data(), packed.view, is_signed, {}, out.data(), layer.out};
  return giga_ops(layer) / best_seconds([&] { kernel.run(args); });
}

double bench_winograd(const WinogradKernel& kernel, const Layer& layer, bool is_signed) {
  const std::int64_t side = layer.size + 2, across = (layer.size + 1) / 2;
  std::vector<std::uint8_t> image(side * side * layer.in, 3), out(layer.size * layer.size * layer.out);
  std::vector<std::int8_t> weight(layer.out * 9 * layer.in, 5);
  std::vector<float> multiplier(layer.out, 0.01f);
  const auto packed = kernel.pack({layer.out, 9, layer.in, weight.data(), nullptr, multiplier.data()});
  std::vector<PackedLine> scratch((winograd_scratch_bytes(packed.view) + 63) / 64);
  WinogradArgs args{image.data(),
                    side,
                    side,
                    is_signed,
                    0,
                    layer.size,
                    layer.size,
                    0,
                    0,
                    packed.view,
                    {},
                    out.data(),
                    layer.out,
                    scratch.data()->bytes};
  return giga_ops(layer) / best_seconds([&] {
           for (args.begin = 0; args.begin < across * across; args.begin = args.end) {
             args.end = std::min(across * across, args.begin + winograd_tiles(packed.view));
             kernel.run(args);
           }
         });
}

// With the copy that it reads.
double bench_wide(const WideConvKernel& kernel, const Layer& layer, bool is_signed) {
  const std::int64_t side = layer.size + layer.kernel - 1, run = layer.kernel * layer.in, padded = (run + 1) / 2 * 2;
  std::vector<std::uint8_t> image(side * side * layer.in, 3), out(layer.size * layer.size * layer.out);
  std::vector<std::int16_t> wide(image.size() + 1);
  std::vector<std::int8_t> weight(layer.out * layer.kernel * padded, 5);
  std::vector<float> multiplier(layer.out, 0.01f);
  const auto packed = kernel.pack({layer.out, layer.kernel, padded, weight.data(), nullptr, multiplier.data()});
  std::vector<std::int64_t> offsets;
  for (std::int64_t i = 0; i < layer.kernel * padded; i += 2)
    offsets.push_back(i / padded * side * layer.in + i % padded);
  std::vector<const std::int16_t*> pixels;
  for (std::int64_t i = 0; i < layer.size * layer.size; ++i)
    pixels.push_back(wide.data() + (i / layer.size * side + i % layer.size) * layer.in);
  return giga_ops(layer) / best_seconds([&] {
           kernel.widen(image.data(), static_cast<std::int64_t>(image.size()), is_signed, wide.data());
           constexpr std::int64_t block = 96;
           const auto all = static_cast<std::int64_t>(pixels.size());
           for (std::int64_t m = 0; m < all; m += block) {
             kernel.run({std::min(block, all - m),
                         pixels.data() + m,
                         offsets.data(),
                         packed.view,
                         {},
                         out.data() + m * layer.out,
                         layer.out});
           }
         });
}

// Products with zeros count; inputs are expanded beforehand.
double bench_two_of_four(const TwoOfFourKernel& kernel, const Layer& layer, bool is_signed) {
  const std::int64_t taps = layer.kernel * layer.kernel, m = layer.size * layer.size;
  const Layer expanded{layer.name, layer.size, layer.in / 4 * bytes_of_four, layer.out, layer.kernel};
  std::vector<std::uint8_t> image(m * expanded.in, 3), zeros(expanded.in), out(m * layer.out);
  std::vector<std::int8_t> weight(layer.out * taps * layer.in);
  for (std::size_t i = 0; i < weight.size(); i += 4) weight[i + i / 4 % 2] = weight[i + 2 + i / 8 % 2] = 5;
  const std::vector<float> multiplier(layer.out, 0.01f);
  const auto rows = indirect(expanded, image.data(), zeros.data());
  const auto packed = kernel.pack({layer.out, taps, layer.in, weight.data(), nullptr, multiplier.data()});
  if (!packed) return 0;
  std::vector<PackedLine> scratch((kernel.scratch_bytes(packed->view) + 63) / 64);
  const QGemmArgs args{m,  rows.data(), packed->view, is_signed,
                       {}, out.data(),  layer.out,    reinterpret_cast<std::uint8_t*>(scratch.data())};
  return giga_ops(layer) / best_seconds([&] { kernel.run(args); });
}

double bench_f32(const F32ConvKernel& kernel, const Layer& layer) {
  const std::int64_t taps = layer.kernel * layer.kernel, m = layer.size * layer.size;
  std::vector<float> image(m * layer.in, 3.0f), zeros(layer.in), out(m * layer.out);
  std::vector<float> weight(layer.out * taps * layer.in, 5.0f);
  const auto rows = indirect(layer, image.data(), zeros.data());
  const auto packed = pack_f32conv(weight.data(), nullptr, layer.out, taps, layer.in);
  F32ConvArgs args;
  args.m = m;
  args.rows = rows.data();
  args.weights = packed.view;
  args.out = out.data();
  args.out_stride = layer.out;
  return giga_ops(layer) / best_seconds([&] { kernel.run(args); });
}

void print(const Layer& layer, const char* kernel, double u8, double s8) {
  fmt::print("{:<28}{:<24}{:>10.1f}{:>10.1f}\n", layer.name, kernel, u8, s8);
}

void run_all() {
  fmt::print("{:<28}{:<24}{:>10}{:>10}{:>10}\n", "GOP/s, one thread", "", "u8", "s8", "f32");
  for (const Layer& layer : kLayers) {
    for (const QGemmKernel* kernel : qgemm_kernels()) {
      if (!isa_supported(kernel->isa)) continue;
      fmt::print("{:<28}{:<24}{:>10.1f}{:>10.1f}{:>10.1f}\n", layer.name, kernel->name,
                 bench_qgemm(*kernel, layer, false), bench_qgemm(*kernel, layer, true),
                 bench_f32(select_f32conv(kernel->isa), layer));
    }
    for (const WinogradKernel* kernel : winograd_kernels()) {
      if (!isa_supported(kernel->isa) || layer.kernel != 3 || layer.in < winograd_depth) continue;
      print(layer, kernel->name, bench_winograd(*kernel, layer, false), bench_winograd(*kernel, layer, true));
    }
    for (const TwoOfFourKernel* kernel : two_of_four_kernels()) {
      if (!isa_supported(kernel->isa) || (kernel->needs_vbmi && !vbmi_supported()) || layer.in % 4 != 0) continue;
      print(layer, kernel->name, bench_two_of_four(*kernel, layer, false), bench_two_of_four(*kernel, layer, true));
    }
    for (const WideConvKernel* kernel : wide_conv_kernels()) {
      if (!isa_supported(kernel->isa) || layer.kernel * layer.in > 256) continue;
      print(layer, kernel->name, bench_wide(*kernel, layer, false), bench_wide(*kernel, layer, true));
    }
  }
}

}  // namespace
}  // namespace bitsieve

int main() { bitsieve::run_all(); }
