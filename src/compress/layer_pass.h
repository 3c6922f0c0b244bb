// Layer by layer over all calibration images: every earlier layer is final when a layer's turn comes, so that it can be
// corrected against what really reaches it.
//
//   for (LayerPass pass(model, images, image, threads); !pass.done(); pass.advance()) {
//     ... look at pass.moments(), change model.layers[pass.node()] ...
//   }
//
// Memory: images x bytes_per_image(model): the values between the layers, one byte an element where coded in 8 bits,
// each freed after its last reader. Results do not depend on the number of threads.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "compress/channel_moments.h"
#include "quant/model.h"

namespace bitsieve {

// Writes preprocessed image `index`, channel-last; called from several threads.
using ImageLoader = std::function<void(std::int64_t index, std::span<float> out)>;

class LayerPass {
 public:
  // Keeps a reference to `model`, which must outlive the pass; reads every image. `image` is not kept.
  // Throws Error when images < 1. threads <= 0: all processors.
  LayerPass(const QuantizedModel& model, std::int64_t images, const ImageLoader& image, int threads);

  bool done() const { return node_ == model_.graph.nodes.size(); }
  std::size_t node() const { return node_; }  // index of the node whose output comes next

  // Computes the current node's output of every image with the model as it is now, and frees values without further
  // readers.
  void advance();

  // The current node's output as real numbers, before its clamp and before it is coded; conv and linear only.
  // Integer layers: (bias + sum) * input scale * weight scale. visit is called from several threads; data is in storage
  // layout, worker in [0, threads()).
  void pre_activation(
      const std::function<void(std::int64_t image, int worker, std::span<const float> data)>& visit) const;
  int threads() const { return threads_; }

  std::int64_t images() const { return static_cast<std::int64_t>(images_); }
  // What the current node reads of one image: a pointer per input, in storage layout, typed as the model codes it;
  // null for constants.
  std::vector<const void*> inputs(std::size_t image) const;

  // Of pre_activation, over all images.
  ChannelMoments moments() const;

  // What the pass holds at its peak for one image; over the float network.
  static std::int64_t bytes_per_image(const QuantizedModel& model);
  static std::int64_t bytes_per_image(const Graph& graph);

 private:
  const QuantizedModel& model_;
  std::size_t images_;
  int threads_;
  std::size_t node_ = 0;
  std::vector<std::size_t> last_reader_;                        // by value id: node after which it is free
  std::vector<std::vector<std::vector<std::uint8_t>>> values_;  // by value id, image; empty while not alive
};

// Throws Error where a quantized network cannot be compared with the float one node by node.
void check_same_nodes(const Graph& quantized, const Graph& real);

}  // namespace bitsieve
