#include "compress/repair.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "compress/float_moments.h"
#include "compress/scales.h"

namespace bitsieve {
namespace {

void check_same_nodes(const Graph& a, const Graph& b) {
  bool same = a.nodes.size() == b.nodes.size();
  for (std::size_t i = 0; same && i < a.nodes.size(); ++i) {
    same = a.nodes[i].name == b.nodes[i].name && a.shape(a.nodes[i].output) == b.shape(b.nodes[i].output);
  }
  if (!same) fail("repair of '{}': the float network has other nodes than the quantized one", a.name);
}

double matched_gain(double wanted_variance, double variance) {
  if (!(variance > 0) || !(wanted_variance > 0)) return 1;  // a constant has no gain
  return std::clamp(std::sqrt(wanted_variance / variance), 1 / max_gain, max_gain);
}

LayerRepair repair_layer(QuantizedModel& model, std::size_t node, const ChannelMoments& wanted,
                         const ChannelMoments& got, Repair mode) {
  LayerRepair report;
  report.node = model.graph.nodes[node].name;
  report.channels = static_cast<std::int64_t>(got.mean.size());
  double variance = 0, before = 0, after = 0;
  for (std::size_t c = 0; c < got.mean.size(); ++c) {
    variance += wanted.variance(c);
    const double shift = got.mean[c] - wanted.mean[c];
    before += shift * shift;
    const double scale = model.layers[node].weight_scale[c];
    double gain = mode == Repair::gain ? matched_gain(wanted.variance(c), got.variance(c)) : 1;
    gain = static_cast<float>(scale * gain) / scale;  // what the scale can hold, so that the offset fits it
    const std::int32_t bias = model.layers[node].bias[c];
    if (!fold_affine(model, node, c, gain, wanted.mean[c] - gain * got.mean[c])) {
      ++report.refused;
      after += shift * shift;
      continue;
    }
    report.gain_low = std::min(report.gain_low, gain);
    report.gain_high = std::max(report.gain_high, gain);
    // What the integers say now: the sum without bias is what it was, its unit is the new one.
    const double now = gain * got.mean[c] +
                       sum_unit(model, node, c) * (static_cast<double>(model.layers[node].bias[c]) - bias);
    after += (now - wanted.mean[c]) * (now - wanted.mean[c]);
  }
  if (variance > 0) {
    report.shift_before = std::sqrt(before / variance);
    report.shift_after = std::sqrt(after / variance);
  }
  return report;
}

}  // namespace

RepairReport repair(QuantizedModel& model, const Graph& float_graph, std::int64_t images, const ImageLoader& image,
                    Repair mode, int threads, const std::function<void(std::int64_t)>& progress) {
  RepairReport report;
  if (mode == Repair::none) return report;
  check_same_nodes(model.graph, float_graph);
  report.images = images;
  const std::vector<ChannelMoments> wanted = float_moments(float_graph, images, image, threads);
  for (LayerPass pass(model, images, image, threads); !pass.done(); pass.advance()) {
    const std::size_t node = pass.node();
    const Op op = model.graph.nodes[node].op;
    if (model.layers[node].integer && (op == Op::conv || op == Op::linear)) {
      report.layers.push_back(repair_layer(model, node, wanted[node], pass.moments(), mode));
    }
    if (progress) progress(static_cast<std::int64_t>(node) + 1);
  }
  return report;
}

}  // namespace bitsieve
