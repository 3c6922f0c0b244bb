#include "compress/repair.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "compress/scales.h"

namespace bitsieve {
namespace {

bool has_clamp(const Node& node) { return !std::isinf(node.clamp_lo) || !std::isinf(node.clamp_hi); }

// One channel of a layer: what the float network gives, what the quantized one does.
struct Channel {
  Moments wanted_before, wanted_after, got_before;
  Distribution got;
};

// A channel whose clamp leaves almost nothing of its variance says too little behind it.
constexpr double least_variance_left = 1e-3;

Affine match_channel(const Channel& channel, const Node& node, Repair mode) {
  const bool constant = !(channel.got_before.variance > 0) || !(channel.wanted_before.variance > 0);
  const bool with_gain = mode == Repair::gain && !constant;
  if (has_clamp(node) && !constant &&
      channel.wanted_after.variance > least_variance_left * channel.wanted_before.variance) {
    return channel.got.match(channel.wanted_after, node.clamp_lo, node.clamp_hi, with_gain);
  }
  double gain = 1;
  if (with_gain) {
    const double ratio = std::sqrt(channel.wanted_before.variance / channel.got_before.variance);
    gain = std::clamp(ratio, 1 / max_gain, max_gain);
  }
  return {gain, channel.wanted_before.mean - gain * channel.got_before.mean};
}

// Histograms of the current layer's real outputs, [channels][bins]. Counts: they do not depend on the threads.
std::vector<std::uint32_t> histograms(const LayerPass& pass, const ChannelMoments& seen, std::size_t bins) {
  const std::size_t size = seen.mean.size() * bins;
  std::vector<std::vector<std::uint32_t>> of_worker(static_cast<std::size_t>(pass.threads()));
  pass.pre_activation([&](std::int64_t, int worker, std::span<const float> data) {
    std::vector<std::uint32_t>& counts = of_worker[static_cast<std::size_t>(worker)];
    counts.resize(size);
    add_to_histograms(data, seen, bins, counts);
  });
  std::vector<std::uint32_t> all(size, 0);
  for (const std::vector<std::uint32_t>& counts : of_worker) {
    std::transform(counts.begin(), counts.end(), all.begin(), all.begin(), std::plus<>());
  }
  return all;
}

class LayerRepairer {
 public:
  LayerRepairer(QuantizedModel& model, const LayerPass& pass, const LayerMoments& wanted)
      : model_(model),
        index_(pass.node()),
        node_(model.graph.nodes[index_]),
        wanted_(wanted),
        got_(pass.moments()),
        bins_(has_clamp(node_) ? histogram_bins(got_.mean.size()) : 1),
        counts_(bins_ > 1 ? histograms(pass, got_, bins_) : std::vector<std::uint32_t>(got_.mean.size(), 1)) {}

  LayerRepair run(Repair mode) {
    LayerRepair report;
    report.node = node_.name;
    report.channels = static_cast<std::int64_t>(got_.mean.size());
    double variance = 0, before = 0, after = 0;
    for (std::size_t c = 0; c < got_.mean.size(); ++c) {
      const Channel channel = at(c);
      const Affine folded = fold(c, match_channel(channel, node_, mode), report);
      variance += channel.wanted_after.variance;
      const auto shift = [&](const Affine& affine) {
        const double mean = has_clamp(node_) ? channel.got.clamped(affine, node_.clamp_lo, node_.clamp_hi).mean
                                             : affine.gain * channel.got_before.mean + affine.offset;
        return mean - channel.wanted_after.mean;
      };
      before += std::pow(shift({}), 2);
      after += std::pow(shift(folded), 2);
    }
    if (variance > 0) {
      report.shift_before = std::sqrt(before / variance);
      report.shift_after = std::sqrt(after / variance);
    }
    return report;
  }

 private:
  Channel at(std::size_t c) const {
    const auto of = [c](const ChannelMoments& m) { return Moments{m.mean[c], m.variance(c)}; };
    const std::span<const std::uint32_t> counts(counts_.data() + c * bins_, bins_);
    return {of(wanted_.before), of(wanted_.after), of(got_), Distribution(counts, got_.low[c], got_.high[c])};
  }

  // Changes the integers; what they do to the channel now, the identity where it had to be left alone.
  Affine fold(std::size_t c, const Affine& wished, LayerRepair& report) {
    const double scale = model_.layers[index_].weight_scale[c];
    const std::int32_t bias = model_.layers[index_].bias[c];
    const double gain = static_cast<float>(scale * wished.gain) / scale;        // what the scale can hold ...
    const double offset = wished.offset + (wished.gain - gain) * got_.mean[c];  // ... and the offset that fits it
    if (!fold_affine(model_, index_, c, gain, offset)) {
      ++report.refused;
      return {};
    }
    report.gain_low = std::min(report.gain_low, gain);
    report.gain_high = std::max(report.gain_high, gain);
    return {gain, sum_unit(model_, index_, c) * (static_cast<double>(model_.layers[index_].bias[c]) - bias)};
  }

  QuantizedModel& model_;
  const std::size_t index_;
  const Node& node_;
  const LayerMoments& wanted_;
  const ChannelMoments got_;
  const std::size_t bins_;
  const std::vector<std::uint32_t> counts_;
};

}  // namespace

RepairReport repair(QuantizedModel& model, const Graph& float_graph, std::int64_t images, const ImageLoader& image,
                    Repair mode, int threads, const std::function<void(std::int64_t)>& progress,
                    const std::function<void(const LayerPass&)>& before_layer, FloatMomentsCache* moments) {
  RepairReport report;
  if (mode == Repair::none) return report;
  check_same_nodes(model.graph, float_graph);
  report.images = images;
  FloatMomentsCache own;
  const std::vector<LayerMoments>& wanted =
      (moments == nullptr ? own : *moments).get(float_graph, images, image, threads);
  for (LayerPass pass(model, images, image, threads); !pass.done(); pass.advance()) {
    if (before_layer) before_layer(pass);
    const std::size_t node = pass.node();
    const Op op = model.graph.nodes[node].op;
    if (model.layers[node].integer && (op == Op::conv || op == Op::linear)) {
      report.layers.push_back(LayerRepairer(model, pass, wanted[node]).run(mode));
    }
    if (progress) progress(static_cast<std::int64_t>(node) + 1);
  }
  return report;
}

}  // namespace bitsieve
