// A conv or linear node prepared for the fast kernels. Same bits as runtime/reference.
#pragma once
#include <memory>
#include <vector>

#include "kernels/f32conv/f32conv.h"
#include "kernels/qdepthwise/qdepthwise.h"
#include "kernels/qgemm/qgemm.h"
#include "kernels/window/window.h"
#include "quant/model.h"

namespace bitsieve {

class FastLayer {
 public:
  // Null when no fast form fits: groups that are not depthwise, the 2:4 mode, pairs that cross taps (an odd number of channels).
  static std::unique_ptr<const FastLayer> make(const QuantizedModel& model, int node, Isa isa);

  // input: the node's first input (8-bit patterns of an integer layer, else float32), in storage layout.
  void run(const void* input, void* output) const;

 private:
  FastLayer() = default;
  void indirect(const std::uint8_t* input, const std::uint8_t* zeros, std::size_t pixel_bytes,
                std::vector<const std::uint8_t*>& rows) const;

  Shape in_, out_;  // (C, H, W); a linear layer is a 1 x 1 convolution of one pixel per row
  Window window_;
  bool integer_ = false, signed_input_ = false, depthwise_ = false;
  ActivationTransform transform_;
  const QGemmKernel* qgemm_ = nullptr;
  const WindowKernel* windows_ = nullptr;
  const F32ConvKernel* f32_ = nullptr;
  const QDepthwiseKernel* qdepthwise_ = nullptr;
  QGemmWeights weights_;
  QDepthwiseWeights depthwise_weights_;
  F32Weights float_weights_;
  Epilogue epilogue_;
};

}  // namespace bitsieve
