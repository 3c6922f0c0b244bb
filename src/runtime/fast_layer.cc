#include "runtime/fast_layer.h"

namespace bitsieve {
namespace {

// [channels][taps] to [taps][channels].
template <class T>
std::vector<T> transposed(const std::vector<T>& w, std::int64_t channels, std::int64_t taps) {
  std::vector<T> result(w.size());
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t t = 0; t < taps; ++t) result[static_cast<std::size_t>(t * channels + c)] = w[static_cast<std::size_t>(c * taps + t)];
  }
  return result;
}

}  // namespace

std::unique_ptr<const FastLayer> FastLayer::make(const QuantizedModel& model, int index, Isa isa) {
  const Graph& graph = model.graph;
  const Node& node = graph.nodes[static_cast<std::size_t>(index)];
  const LayerCode& code = model.layers[static_cast<std::size_t>(index)];
  if (node.op != Op::conv && node.op != Op::linear) return nullptr;
  std::unique_ptr<FastLayer> layer(new FastLayer);
  layer->in_ = graph.shape(node.inputs[0]);
  layer->out_ = graph.shape(node.output);
  if (node.op == Op::linear) {
    if (layer->in_.size() == 3) return nullptr;
    const std::int64_t k = layer->in_.back(), n = layer->out_.back(), rows = element_count(layer->in_) / k;
    layer->in_ = {k, rows, 1};
    layer->out_ = {n, rows, 1};
  } else {
    layer->window_ = node.attributes.window;
  }
  const std::int64_t groups = layer->window_.groups;
  layer->depthwise_ = groups > 1;
  if (groups > 1 && (groups != layer->in_[0] || groups != layer->out_[0])) return nullptr;
  const std::int64_t depth = layer->in_[0], taps = layer->window_.kernel[0] * layer->window_.kernel[1], n = layer->out_[0];
  layer->transform_ = code.transform;
  if (code.transform.active && (code.transform.two_of_four || (groups == 1 && code.transform.paired && depth % 2 && taps > 1))) return nullptr;
  layer->integer_ = code.integer;
  const float* bias = node.bias() ? node.bias()->data.data() : nullptr;
  if (!code.integer && groups > 1) {
    layer->float_weights_ = pack_f32depthwise(transposed(node.weight().data, groups, taps).data(), bias, groups, taps);
    layer->f32_ = &select_f32conv(isa);
  } else if (!code.integer) {
    const Tensor& w = node.weight();
    std::vector<float> reordered(w.data.size());
    for (std::int64_t o = 0; o < n; ++o) {
      for (std::int64_t k = 0; k < depth * taps; ++k) {
        reordered[static_cast<std::size_t>(o * depth * taps + k % taps * depth + k / taps)] =
            w.data[static_cast<std::size_t>(o * depth * taps + k)];
      }
    }
    layer->float_weights_ = pack_f32conv(reordered.data(), bias, n, taps, depth);
    layer->f32_ = &select_f32conv(isa);
  } else {
    layer->qgemm_ = &select_qgemm(isa);
    layer->windows_ = &select_window(isa, isa == Isa::avx512vnni && __builtin_cpu_supports("avx512vbmi"));
    layer->qdepthwise_ = &select_qdepthwise(isa);
    if (groups > 1) {
      layer->depthwise_weights_ = layer->qdepthwise_->pack({groups, taps, transposed(code.weight, groups, taps).data(),
                                                            code.bias.data(), code.multiplier.data()});
    } else {
      layer->weights_ = layer->qgemm_->pack({n, taps, depth, code.weight.data(), code.bias.data(), code.multiplier.data()});
    }
    layer->signed_input_ = model.values[static_cast<std::size_t>(node.inputs[0])].type == DType::s8;
  }
  const bool to_float = model.values[static_cast<std::size_t>(node.output)].type == DType::f32;
  layer->epilogue_ = {to_float, code.lo, code.hi, node.clamp_lo, node.clamp_hi};
  return layer;
}

void FastLayer::indirect(const std::uint8_t* input, const std::uint8_t* zeros, std::size_t pixel_bytes,
                         std::vector<const std::uint8_t*>& rows) const {
  rows.clear();
  for (std::int64_t oy = 0; oy < out_[1]; ++oy) {
    for (std::int64_t ox = 0; ox < out_[2]; ++ox) {
      for (std::int64_t ky = 0; ky < window_.kernel[0]; ++ky) {
        const std::int64_t iy = oy * window_.stride[0] - window_.pad_before[0] + ky * window_.dilation[0];
        for (std::int64_t kx = 0; kx < window_.kernel[1]; ++kx) {
          const std::int64_t ix = ox * window_.stride[1] - window_.pad_before[1] + kx * window_.dilation[1];
          const bool inside = iy >= 0 && iy < in_[1] && ix >= 0 && ix < in_[2];
          rows.push_back(inside ? input + static_cast<std::size_t>(iy * in_[2] + ix) * pixel_bytes : zeros);
        }
      }
    }
  }
}

void FastLayer::run(const void* input, void* output) const {
  thread_local std::vector<const std::uint8_t*> rows;
  thread_local std::vector<std::uint8_t> zeros, windowed;
  const std::size_t pixel_bytes = static_cast<std::size_t>(in_[0]) * (integer_ ? 1 : sizeof(float));
  zeros.assign(pixel_bytes, 0);
  const auto* bytes = static_cast<const std::uint8_t*>(input);
  if (integer_ && transform_.active && !depthwise_) {
    // One pass over the 8-bit activations serves every output channel (specification of SPARQ, A.8 and E).
    const std::int64_t count = element_count(in_);
    windowed.resize(static_cast<std::size_t>(count));
    const WindowTables tables{transform_.pair.data(), transform_.lone.data(), transform_.paired};
    if (in_[0] % 2 == 0 || !transform_.paired) {
      windows_->adjacent(tables, bytes, windowed.data(), count);
    } else {
      for (std::int64_t at = 0; at < count; at += in_[0]) windows_->adjacent(tables, bytes + at, windowed.data() + at, in_[0]);
    }
    bytes = windowed.data();
  }
  indirect(bytes, zeros.data(), pixel_bytes, rows);
  const std::int64_t m = out_[1] * out_[2];
  if (integer_ && depthwise_) {
    const QDepthwiseArgs args{m, rows.data(), depthwise_weights_.view, signed_input_, epilogue_, output, out_[0]};
    const WindowTables tables{transform_.pair.data(), transform_.lone.data(), transform_.paired};
    if (transform_.active) return run_qdepthwise_transformed(*qdepthwise_, *windows_, tables, args);
    return qdepthwise_->run(args);
  }
  if (integer_) return qgemm_->run({m, rows.data(), weights_.view, signed_input_, epilogue_, output, out_[0]});
  const F32ConvArgs args{m, reinterpret_cast<const float* const*>(rows.data()), float_weights_.view, epilogue_.clamp_lo,
                         epilogue_.clamp_hi, static_cast<float*>(output), out_[0]};
  if (depthwise_) return f32_->run_depthwise(args);
  f32_->run(args);
}

}  // namespace bitsieve
