#include "compress/recalibrate_norms.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "compress/distribution.h"
#include "compress/scales.h"

namespace bitsieve {
namespace {

// Mean and variance of the raw values, before the norm.
struct Raw {
  std::vector<double> mean, variance;
};

double deviation(const FoldedNorm& norm, double variance) { return std::sqrt(variance + norm.epsilon); }

// What takes the layer's output to that of the same norm with other statistics.
Affine affine_of(const FoldedNorm& norm, std::size_t c, double mean, double variance) {
  const double now = deviation(norm, variance), gain = deviation(norm, norm.variance[c]) / now;
  return {gain, norm.beta[c] * (1 - gain) + norm.gamma[c] * (norm.mean[c] - mean) / now};
}

bool apply(QuantizedModel& model, std::size_t node, std::size_t c, const Affine& affine) {
  if (model.layers[node].integer) return fold_affine(model, node, c, affine.gain, affine.offset);
  Node& layer = model.graph.nodes[node];
  const std::size_t k = layer.weight().data.size() / static_cast<std::size_t>(layer.weight().shape[0]);
  for (std::size_t j = c * k; j < (c + 1) * k; ++j) {
    layer.params[0].data[j] = static_cast<float>(layer.params[0].data[j] * affine.gain);
  }
  if (layer.params.size() < 2) layer.params.push_back(Tensor({layer.weight().shape[0]}, 0.0f));
  layer.params[1].data[c] = static_cast<float>(layer.params[1].data[c] * affine.gain + affine.offset);
  return true;
}

// Normalizes the layer by the statistics of its batch and lets the running ones follow.
void take_batch(QuantizedModel& model, std::size_t node, const ChannelMoments& seen, double momentum, Raw& running) {
  const FoldedNorm norm = *model.graph.nodes[node].norm;
  for (std::size_t c = 0; c < norm.gamma.size(); ++c) {
    if (norm.gamma[c] == 0) continue;  // the raw values cannot be seen, and do not matter
    const double unfold = deviation(norm, norm.variance[c]) / norm.gamma[c];
    const double mean = (seen.mean[c] - norm.beta[c]) * unfold + norm.mean[c];
    apply(model, node, c, affine_of(norm, c, mean, seen.variance(c) * unfold * unfold));
    running.mean[c] += momentum * (mean - running.mean[c]);
    running.variance[c] += momentum * (seen.unbiased_variance(c) * unfold * unfold - running.variance[c]);
  }
}

}  // namespace

RecalibrateReport recalibrate_norms(QuantizedModel& model, std::int64_t images, const ImageLoader& image,
                                    const RecalibrateOptions& options) {
  if (images < 1) fail("recalibrating the batch norms of '{}' needs at least one image", model.graph.name);
  RecalibrateReport report;
  report.batches = options.batches;
  report.batch_size = std::min(options.batch_size, images);
  report.distinct_images = std::min(images, report.batches * report.batch_size);
  std::vector<Node>& nodes = model.graph.nodes;
  std::vector<Raw> running(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].norm) continue;
    const FoldedNorm& norm = *nodes[i].norm;
    running[i] = {{norm.mean.begin(), norm.mean.end()}, {norm.variance.begin(), norm.variance.end()}};
    ++report.layers;
  }
  QuantizedModel flowing = model;
  for (int batch = 0; batch < report.batches && report.layers; ++batch) {
    const auto load = [&](std::int64_t i, std::span<float> out) {
      image((batch * report.batch_size + i) % images, out);
    };
    for (LayerPass pass(flowing, report.batch_size, load, options.threads); !pass.done(); pass.advance()) {
      const std::size_t node = pass.node();
      if (!nodes[node].norm) continue;
      flowing.layers[node] = model.layers[node];  // as it was before the last batch
      flowing.graph.nodes[node].params = nodes[node].params;
      take_batch(flowing, node, pass.moments(), options.momentum, running[node]);
    }
    if (options.progress) options.progress(batch + 1);
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].norm) continue;
    FoldedNorm norm = *nodes[i].norm;
    for (std::size_t c = 0; c < norm.gamma.size(); ++c) {
      const Affine affine = affine_of(*nodes[i].norm, c, running[i].mean[c], running[i].variance[c]);
      if (norm.gamma[c] == 0 || !apply(model, i, c, affine)) {
        ++report.refused;
        continue;
      }
      norm.mean[c] = static_cast<float>(running[i].mean[c]);
      norm.variance[c] = static_cast<float>(running[i].variance[c]);
    }
    nodes[i].norm = std::make_shared<const FoldedNorm>(std::move(norm));
  }
  return report;
}

}  // namespace bitsieve
