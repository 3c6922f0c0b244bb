// concat, slice, pad, reshape, transpose: copies along strides, in pieces as long as memory allows.
#include <algorithm>
#include <cstring>

#include "kernels/elementwise/elementwise.h"
#include "quant/requantize.h"
#include "runtime/layout.h"
#include "runtime/reference/ops.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {
namespace {

struct Dim {
  std::int64_t extent, from, to;
};

// One input's copy into the output.
struct StridedCopy {
  std::int64_t from = 0, to = 0;  // where it starts
  std::vector<Dim> dims;          // outermost first, at least one

  // Drops axes of one element and joins axes that follow each other on both sides.
  void simplify() {
    std::erase_if(dims, [](const Dim& d) { return d.extent == 1; });
    std::stable_sort(dims.begin(), dims.end(), [](const Dim& a, const Dim& b) { return a.to > b.to; });
    for (std::size_t i = dims.size(); i-- > 1;) {
      const Dim inner = dims[i];
      Dim& outer = dims[i - 1];
      if (outer.from != inner.extent * inner.from || outer.to != inner.extent * inner.to) continue;
      outer = {outer.extent * inner.extent, inner.from, inner.to};
      dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (dims.empty()) dims.push_back({1, 1, 1});
  }
};

std::vector<std::int64_t> row_major(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0; step *= shape[i]) strides[i] = step;
  return strides;
}

StridedCopy copy_of(const Shape& extents, const std::vector<std::int64_t>& from, const std::vector<std::int64_t>& to) {
  StridedCopy copy;
  for (std::size_t i = 0; i < extents.size(); ++i) copy.dims.push_back({extents[i], from[i], to[i]});
  return copy;
}

// Empty where reshape has no strided form: between two different feature maps.
std::vector<StridedCopy> plan_copies(const Source& s) {
  const Shape& out = s.out();
  const Shape& in = s.in();
  const Attributes& a = s.node.attributes;
  const std::vector<std::int64_t> to = storage_strides(out), from = storage_strides(in);
  std::vector<StridedCopy> copies;
  switch (s.node.op) {
    case Op::reshape:
      if (in == out || (in.size() != 3 && out.size() != 3)) {
        copies.push_back({0, 0, {{element_count(out), 1, 1}}});
      } else if (in.size() == 3 && out.size() == 3) {
        return {};
      } else {
        copies.push_back(in.size() == 3 ? copy_of(in, from, row_major(in)) : copy_of(out, row_major(out), to));
      }
      break;
    case Op::transpose: {
      std::vector<std::int64_t> source;
      for (const std::int64_t axis : a.axes) source.push_back(from[static_cast<std::size_t>(axis)]);
      copies.push_back(copy_of(out, source, to));
      break;
    }
    case Op::slice: {
      std::vector<std::int64_t> source;
      std::int64_t start = 0;
      for (std::size_t i = 0; i < out.size(); ++i) {
        source.push_back(from[i] * a.steps[i]);
        start += from[i] * a.starts[i];
      }
      copies.push_back(copy_of(out, source, to));
      copies.back().from = start;
      break;
    }
    case Op::pad:
      copies.push_back(copy_of(in, from, to));
      for (std::size_t i = 0; i < in.size(); ++i) copies.back().to += a.before[i] * to[i];
      break;
    default: {  // concat
      std::int64_t along = 0;
      for (std::size_t k = 0; k < s.inputs(); ++k) {
        copies.push_back(copy_of(s.in(k), storage_strides(s.in(k)), to));
        copies.back().to = along * to[static_cast<std::size_t>(a.axis)];
        along += s.in(k)[static_cast<std::size_t>(a.axis)];
      }
    }
  }
  for (StridedCopy& copy : copies) copy.simplify();
  return copies;
}

// Calls piece(from, to, innermost dim) for every innermost run.
template <class Piece>
void walk(const Dim* dim, std::size_t left, std::int64_t from, std::int64_t to, const Piece& piece) {
  if (left == 1) return piece(from, to, *dim);
  for (std::int64_t i = 0; i < dim->extent; ++i) walk(dim + 1, left - 1, from + i * dim->from, to + i * dim->to, piece);
}

// The same for all of a copy, its outermost dimension shared between threads.
template <class Piece>
void walk(const StridedCopy& copy, const StepContext& context, const Piece& piece) {
  const Dim& outer = copy.dims[0];
  std::int64_t inner = 1;
  for (std::size_t i = 1; i < copy.dims.size(); ++i) inner *= copy.dims[i].extent;
  context.split(outer.extent, std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(inner, 1)),
                [&](std::int64_t begin, std::int64_t end) {
                  std::vector<Dim> dims = copy.dims;
                  dims[0].extent = end - begin;
                  walk(dims.data(), dims.size(), copy.from + begin * outer.from, copy.to + begin * outer.to, piece);
                });
}

template <class T>
void copy_run(const T* from, T* __restrict to, const Dim& dim) {
  if (dim.from == 1 && dim.to == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(dim.extent) * sizeof(T));
  } else {
    for (std::int64_t i = 0; i < dim.extent; ++i) to[i * dim.to] = from[i * dim.from];
  }
}

class MoveF32 final : public Step {
 public:
  MoveF32(const Source& s, std::vector<StridedCopy> copies)
      : copies_(std::move(copies)),
        fill_(s.node.attributes.value),
        fill_count_(s.node.op == Op::pad ? element_count(s.out()) : 0) {
    for (std::size_t k = 0; k < s.inputs(); ++k) {
      const auto& constant = s.model.graph.values[static_cast<std::size_t>(s.node.inputs[k])].constant;
      constants_.push_back(constant ? constant->data.data() : nullptr);
    }
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    auto* y = static_cast<float*>(out);
    std::fill_n(y, fill_count_, fill_);
    for (std::size_t k = 0; k < copies_.size(); ++k) {
      const float* x = constants_[k] ? constants_[k] : static_cast<const float*>(in[k]);
      walk(copies_[k], context,
           [&](std::int64_t from, std::int64_t to, const Dim& dim) { copy_run(x + from, y + to, dim); });
    }
  }

  std::string kernel() const override { return "float copy"; }

 private:
  std::vector<StridedCopy> copies_;
  float fill_;
  std::int64_t fill_count_;
  std::vector<const float*> constants_;
};

class Move final : public Step {
 public:
  Move(const Source& s, std::vector<StridedCopy> copies)
      : copies_(std::move(copies)),
        fill_count_(s.node.op == Op::pad ? element_count(s.out()) : 0),
        kernel_(select_elementwise(s.isa)) {
    if (fill_count_ > 0) reference::quantize(&s.node.attributes.value, 1, s.out_code(), &fill_);
    for (std::size_t k = 0; k < copies_.size(); ++k) {
      Input input{s.is_signed(k), true, {s.layer.multiplier.at(k), s.layer.lo, s.layer.hi}};
      for (std::int32_t v = input.is_signed ? -127 : 0; v <= (input.is_signed ? 127 : 255); ++v) {
        input.same = input.same && requantize(v, input.rescale.multiplier, input.rescale.lo, input.rescale.hi) == v;
      }
      inputs_.push_back(input);
    }
  }

  void run(std::span<const void* const> in, void* out, const StepContext& context) const override {
    auto* y = static_cast<std::uint8_t*>(out);
    std::fill_n(y, fill_count_, fill_);
    for (std::size_t k = 0; k < copies_.size(); ++k) {
      const auto* x = static_cast<const std::uint8_t*>(in[k]);
      const Input& input = inputs_[k];
      walk(copies_[k], context, [&](std::int64_t from, std::int64_t to, const Dim& dim) {
        if (input.same) {
          copy_run(x + from, y + to, dim);
        } else if (dim.from == 1 && dim.to == 1) {
          kernel_.requantize({x + from, input.is_signed}, input.rescale, y + to, dim.extent);
        } else {
          for (std::int64_t i = 0; i < dim.extent; ++i) {
            kernel_.requantize({x + from + i * dim.from, input.is_signed}, input.rescale, y + to + i * dim.to, 1);
          }
        }
      });
    }
  }

  std::string kernel() const override {
    return std::all_of(inputs_.begin(), inputs_.end(), [](const Input& i) { return i.same; }) ? "copy" : kernel_.name;
  }

 private:
  struct Input {
    bool is_signed, same;  // same: its code is the output's, values stay as they are
    Rescale rescale;
  };

  std::vector<StridedCopy> copies_;
  std::int64_t fill_count_;
  std::uint8_t fill_ = 0;
  const ElementwiseKernel& kernel_;
  std::vector<Input> inputs_;
};

}  // namespace

Made make_move(const Source& s) {
  auto copies = plan_copies(s);
  if (copies.empty()) return nullptr;
  return std::make_unique<Move>(s, std::move(copies));
}

Made make_move_f32(const Source& s) {
  auto copies = plan_copies(s);
  if (copies.empty()) return nullptr;
  return std::make_unique<MoveF32>(s, std::move(copies));
}

}  // namespace bitsieve::steps
