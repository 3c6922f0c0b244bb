#include "accel/topology.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"

namespace bitsieve::accel {
namespace {

constexpr std::int64_t largest = 1 << 20;  // of any size

std::string_view trim(std::string_view text) {
  const std::string_view blank = " \t\r";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

Layer parse_line(std::string_view line, const std::string& origin, std::size_t number) {
  constexpr std::array<const char*, 7> columns = {"input height", "input width", "kernel height", "kernel width",
                                                  "channels",     "filters",     "stride"};
  const auto next = [&] {
    const std::size_t comma = std::min(line.find(','), line.size());
    const std::string_view cell = trim(line.substr(0, comma));
    line.remove_prefix(std::min(comma + 1, line.size()));
    return cell;
  };
  Layer layer;
  layer.name = next();
  std::array<std::int64_t, columns.size()> v{};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string_view cell = next();
    const auto [stop, status] = std::from_chars(cell.data(), cell.data() + cell.size(), v[i]);
    if (status != std::errc() || stop != cell.data() + cell.size() || v[i] < 1 || v[i] > largest)
      fail("'{}' line {}: {} is '{}', not a whole number from 1 to {}", origin, number, columns[i], cell, largest);
  }
  if (!trim(line).empty()) fail("'{}' line {}: more than eight columns", origin, number);
  const auto [height, width, kernel_height, kernel_width, channels, filters, stride] = v;
  if (kernel_height > height || kernel_width > width)
    fail("'{}' line {}: the kernel, {} x {}, is larger than the image, {} x {}", origin, number, kernel_height,
         kernel_width, height, width);
  const auto windows = [stride = stride](std::int64_t size, std::int64_t kernel) {
    return (size - kernel + stride - 1) / stride + 1;
  };
  layer.pixels = windows(height, kernel_height) * windows(width, kernel_width);
  layer.filters = filters;
  layer.taps = kernel_height * kernel_width;
  layer.channels = channels;
  // Each factor is below 2^41; of all of them together double does not overflow.
  const double macs = static_cast<double>(layer.pixels) * static_cast<double>(filters) *
                      static_cast<double>(layer.taps) * static_cast<double>(channels);
  if (macs > 1e15) fail("'{}' line {}: {:.1e} multiplications, more than 1e15", origin, number, macs);
  layer.input_values = height * width * channels;
  layer.output_values = layer.pixels * filters;
  layer.weight_bytes = static_cast<double>(filters * layer.depth());
  return layer;
}

}  // namespace

std::vector<Layer> parse_topology(std::string_view text, const std::string& origin) {
  std::vector<Layer> layers;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (number > 1 && !line.empty()) layers.push_back(parse_line(line, origin, number));
  }
  double macs = 0;
  for (const Layer& layer : layers) macs += static_cast<double>(layer.macs());
  if (macs > 1e15) fail("'{}': {:.1e} multiplications in all layers, more than 1e15", origin, macs);
  if (layers.empty()) fail("'{}' holds no layers: a line of column names, then a line for each layer", origin);
  return layers;
}

}  // namespace bitsieve::accel
