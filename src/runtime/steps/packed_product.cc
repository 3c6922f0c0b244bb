// Matrix-vector products (a linear layer, or a convolution with one output pixel) whose weights of shared shifts stay
// packed in memory: where they come from beyond the cache, time is bytes.
#include <cstring>

#include "kernels/shift_gemv/shift_gemv.h"
#include "kernels/window/window.h"
#include "runtime/steps/conv_shape.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

// Kernels take the weights of a row in groups counted from its start. A layer that is one group has the same set
// everywhere.
bool aligned(const SharedShifts& code, std::int64_t k) {
  return code.one_group || code.run == k || code.run % code.group == 0;
}

// From so many bytes of int8 weights on a packed product is faster, measured (docs/performance.md): beyond the cache of
// a core. With groups of less than four nothing is left to win.
std::int64_t pays_from(const Source& s) {
  if (s.packed_from >= 0) return s.packed_from;
  return !s.layer.shifts.one_group && s.layer.shifts.group < 4 ? INT64_MAX : cache_bytes(2);
}

// Whether the weights of all layers together leave no cache that could keep these from one run to the next. An
// estimate: packed layers take less.
bool from_memory(const QuantizedModel& model) {
  std::int64_t bytes = 0;
  for (const LayerCode& layer : model.layers) bytes += static_cast<std::int64_t>(layer.weight.size());
  return bytes > cache_bytes(3);
}

class PackedProduct final : public Step {
 public:
  PackedProduct(const Source& s, const ShiftGemvKernel& kernel, ShiftGemvWeights weights)
      : transform_(s.layer.transform),
        signed_(s.is_signed()),
        kernel_(kernel),
        windows_(select_window(s.isa, s.isa == Isa::avx512vnni && vbmi_supported())),
        weights_(std::move(weights)),
        from_memory_(from_memory(s.model)),
        epilogue_{s.out_code().type == DType::f32, s.layer.lo, s.layer.hi, s.node.clamp_lo, s.node.clamp_hi} {}

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    const ShiftGemvView& view = weights_.view;
    const auto* x = static_cast<const std::uint8_t*>(in[0]);
    if (transform_.active) {
      std::memcpy(context.scratch, x, static_cast<std::size_t>(view.k));
      std::memset(context.scratch + view.k, 0, input_bytes() - static_cast<std::size_t>(view.k));
      windows_.adjacent({transform_.pair.data(), transform_.lone.data(), transform_.paired}, context.scratch,
                        context.scratch, (view.k + 3) / 4 * 4);
      x = context.scratch;
    }
    const std::int64_t panels = (view.n + shift_gemv_rows - 1) / shift_gemv_rows;
    const std::int64_t pieces = std::max<std::int64_t>(1, std::min<std::int64_t>(context.threads(), panels / 16));
    context.each(pieces, [&](std::int64_t i, int worker) {
      ShiftGemvArgs args;
      args.first = panels * i / pieces * shift_gemv_rows;
      args.last = std::min(view.n, panels * (i + 1) / pieces * shift_gemv_rows);
      args.x = x;
      args.weights = view;
      args.signed_input = signed_;
      args.from_memory = from_memory_;
      args.epilogue = epilogue_;
      args.out = out;
      args.scratch = context.scratch + input_bytes() + static_cast<std::size_t>(worker) * worker_bytes();
      kernel_.run(args);
    });
  }

  std::size_t scratch_bytes(int threads) const override {
    return input_bytes() + static_cast<std::size_t>(threads) * worker_bytes();
  }

  std::string kernel() const override {
    return std::string(kernel_.name) + (transform_.active ? std::string(" + ") + windows_.name : "");
  }

 private:
  std::size_t input_bytes() const {
    return transform_.active ? whole_lines(static_cast<std::size_t>(weights_.view.k) + 64) : 0;
  }
  std::size_t worker_bytes() const {
    return whole_lines(static_cast<std::size_t>(shift_gemv_scratch_bytes(weights_.view)));
  }

  ActivationTransform transform_;
  bool signed_;
  const ShiftGemvKernel& kernel_;
  const WindowKernel& windows_;
  ShiftGemvWeights weights_;
  bool from_memory_;
  Epilogue epilogue_;
};

// One set for each piece of `group` weights of every row.
std::vector<std::uint8_t> sets_of_rows(const SharedShifts& code, std::int64_t n, std::int64_t k, std::int64_t group) {
  if (!code.one_group) return code.set;
  return std::vector<std::uint8_t>(static_cast<std::size_t>(n * ((k + group - 1) / group)), code.set[0]);
}

}  // namespace

Made make_packed_product(const Source& s) {
  const SharedShifts& code = s.layer.shifts;
  if (!code.active()) return nullptr;
  const auto n = static_cast<std::int64_t>(s.layer.bias.size());
  const std::int64_t k = n > 0 ? static_cast<std::int64_t>(s.layer.weight.size()) / n : 0;
  if (n * k == 0 || n * k < pays_from(s)) return nullptr;
  // All of the input meets all of the weights, in the order of both.
  if (element_count(s.out()) != n || element_count(s.in()) != k || !aligned(code, k)) return nullptr;
  const Window window = conv_shape(s).window;
  const auto padded = [](const auto& side) { return side[0] != 0 || side[1] != 0; };
  if (window.groups != 1 || padded(window.pad_before) || padded(window.pad_after)) return nullptr;
  const ShiftGemvKernel& kernel = select_shift_gemv(s.isa, gfni_supported());
  if (!kernel.pays && s.packed_from < 0) return nullptr;
  const std::int64_t group = code.one_group ? 32 : code.group;
  const std::vector<std::uint8_t> sets = sets_of_rows(code, n, k, group);
  ShiftGemvWeights weights =
      kernel.pack({n, k, group, s.layer.weight.data(), sets.data(), s.layer.bias.data(), s.layer.multiplier.data()});
  // Against qgemm seven bits of eight pay from memory only, and a little; plain panels and padding leave less to save.
  const std::int64_t most = from_memory(s.model) ? 9 : 8;
  if (10 * weights.packed_bytes > most * n * k && s.packed_from < 0) return nullptr;
  return std::make_unique<PackedProduct>(s, kernel, std::move(weights));
}

}  // namespace bitsieve::steps
