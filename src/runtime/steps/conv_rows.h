// Where the inputs of a convolution lie: the kernels read rows of memory, one pointer per output pixel and run.
//
// A run is a piece of a filter that lies in one piece: a kernel row of all its columns (no groups, no horizontal
// dilation), else one tap. Padding is written out in a copy of the image, made once per layer and image; SPARQ's pass
// over the activations is that copy. Runs then follow each other at fixed distances, so the pointers of a block of
// pixels are a few additions, and need no table as long as the plane. Copies of large images are made strip by strip: a
// strip is read while it is still in the cache.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "runtime/step.h"

namespace bitsieve::steps {

// Pixels of a block: a common multiple of the kernels' row tiles (6, 8, 12, 4), small enough for the first cache.
inline constexpr std::int64_t block_pixels = 96;

// What run() counts and gives out: pixels, or squares of them, row by row; those at the ends of rows may be cut off.
struct Tiling {
  std::int64_t side = 1;              // pixels of a tile on a side
  std::int64_t block = block_pixels;  // most tiles of a block
};

// Output rows that are served from one copy, or all of them from the image.
struct Strip {
  std::int64_t first = 0;   // of the output
  std::int64_t height = 0;  // rows of the copy, or of the image
};

class ConvRows {
 public:
  ConvRows() = default;

  // in, out: (C, H, W). merge: runs of whole kernel rows where they lie in one piece. run_multiple: what the kernel
  // wants a run to be a multiple of; a run is read up to there (zero weights meet the rest). must_copy: even without
  // padding. copied_values: how many the copy has for one of the image; offsets, runs and pointers are in those of the
  // copy.
  ConvRows(const Shape& in, const Shape& out, const Window& window, bool merge, std::int64_t run_multiple,
           bool must_copy, std::int64_t copied_values = 1, Tiling tiling = {});

  std::int64_t runs() const { return static_cast<std::int64_t>(offsets_.size()); }
  std::int64_t run_length() const { return run_length_; }  // values of the filter in a run
  std::int64_t run_padded() const { return run_padded_; }  // rounded up to run_multiple
  std::int64_t pixels() const { return out_height_ * out_width_; }
  bool copies() const { return copies_; }
  std::int64_t width() const { return width_; }  // of what the kernels read: the image, or its copy

  // Bytes of the copy of a strip (0 without one), with room to read past its end.
  std::size_t copy_bytes(std::size_t value_bytes) const {
    return copies_ ? whole_lines(static_cast<std::size_t>(strip_height_ * width_ * depth_) * value_bytes + 64) : 0;
  }

  // Writes rows [first, first + count) of the copy: zeros around copy_values(from, to, count), which is called for
  // pieces of `count` values of the image that start a pixel.
  template <class In, class T, class CopyValues>
  void fill(const In* image, T* copy, std::int64_t first, std::int64_t count, const StepContext& context,
            const CopyValues& copy_values) const {
    const auto zero = [](T* to, std::int64_t values) {
      std::memset(to, 0, static_cast<std::size_t>(values) * sizeof(T));
    };
    const std::int64_t pitch = width_ * depth_, left = pad_x_ * depth_;
    const std::int64_t columns = std::max<std::int64_t>(0, std::min(in_width_, width_ - pad_x_)) * depth_;
    const bool dense = columns == pitch && columns == in_width_ * depth_ && row_step_ == 1;
    const std::int64_t image_pitch = in_width_ * depth_ / copied_values_;
    context.split(count, std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(pitch, 1)),
                  [&](std::int64_t begin, std::int64_t end) {
                    end += first;
                    for (std::int64_t y = first + begin; y < end; ++y) {
                      T* row = copy + (y - first) * pitch;
                      const std::int64_t from = y - pad_y_;
                      if (from < 0 || from >= in_height_ || columns == 0) {
                        zero(row, pitch);
                      } else if (dense) {
                        const std::int64_t together = std::min(end, pad_y_ + in_height_) - y;
                        copy_values(image + from * image_pitch, row, together * image_pitch);
                        y += together - 1;
                      } else if (y % row_step_ == 0) {  // else no filter looks at it
                        zero(row, left);
                        copy_values(image + from * image_pitch, row + left, columns / copied_values_);
                        zero(row + left + columns, pitch - left - columns);
                      }
                    }
                  });
    zero(copy + count * pitch, 64 / static_cast<std::int64_t>(sizeof(T)));
  }

  // The whole layer: fill_rows(copy, first, count, context) makes the copies, if any; block(begin, end, strip, copy,
  // own) serves the tiles [begin, end) of the output, which belong to that strip. strip_bytes: of the copies of a
  // strip; own_bytes: what a worker needs besides.
  template <class FillRows, class Block>
  void run(const StepContext& context, std::size_t strip_bytes, std::size_t own_bytes, const FillRows& fill_rows,
           const Block& block) const {
    const std::int64_t side = tiling_.side, across = (out_width_ + side - 1) / side,
                       all = (out_height_ + side - 1) / side * across;
    if (strip_rows_ >= out_height_) {
      const std::int64_t threads = std::min<std::int64_t>(context.threads(), (pixels() + 23) / 24);
      const std::int64_t least = (all + tiling_.block - 1) / tiling_.block;
      if (copies_ && threads > 1) {
        // As many tiles for each thread, and a copy of what they see: what a thread wrote is in its own cache.
        const std::int64_t blocks = (least + threads - 1) / threads;
        context.each(threads, [&](std::int64_t i, int worker) {
          std::uint8_t* copy = context.scratch + static_cast<std::size_t>(worker) * (strip_bytes + own_bytes);
          const std::int64_t begin = all * i / threads, end = all * (i + 1) / threads, count = end - begin;
          const std::int64_t first = begin / across * side,
                             last = std::min(out_height_, ((end - 1) / across + 1) * side);
          const Strip strip{first, (last - first - 1) * stride_y_ + reach_};
          fill_rows(copy, first * stride_y_, strip.height, StepContext{});
          for (std::int64_t b = 0; b < blocks; ++b)
            block(begin + count * b / blocks, begin + count * (b + 1) / blocks, strip, copy, copy + strip_bytes);
        });
        return;
      }
      if (copies_) fill_rows(context.scratch, 0, height_, context);
      // As many blocks for each thread, all of one size: a plane of 7 x 7 would else be one block and a single pixel.
      // One thread takes blocks of whole row tiles; squares of pixels are spread over those by their kernel.
      const std::int64_t blocks = threads == 1 ? least : (least + threads - 1) / threads * threads;
      const bool even = threads > 1 || side > 1;
      context.each(blocks, [&](std::int64_t i, int worker) {
        std::uint8_t* own = context.scratch + strip_bytes + static_cast<std::size_t>(worker) * own_bytes;
        const std::int64_t begin = even ? all * i / blocks : i * tiling_.block,
                           end = even ? all * (i + 1) / blocks : begin + tiling_.block;
        block(begin, std::min(all, end), Strip{0, height_}, context.scratch, own);
      });
      return;
    }
    // As many strips for each thread, where there are rows enough; no two differ by more than a row of tiles.
    const std::int64_t threads = context.threads(), least = (out_height_ + strip_rows_ - 1) / strip_rows_,
                       tiles = (out_height_ + side - 1) / side,
                       count = std::min(tiles, (least + threads - 1) / threads * threads);
    context.each(count, [&](std::int64_t i, int worker) {
      std::uint8_t* copy = context.scratch + static_cast<std::size_t>(worker) * (strip_bytes + own_bytes);
      const std::int64_t first = tiles * i / count * side, last = std::min(out_height_, tiles * (i + 1) / count * side);
      const Strip strip{first, (last - first - 1) * stride_y_ + reach_};
      fill_rows(copy, first * stride_y_, strip.height, StepContext{});
      const std::int64_t end = (last + side - 1) / side * across;
      for (std::int64_t m = first / side * across; m < end; m += tiling_.block)
        block(m, std::min(end, m + tiling_.block), strip, copy, copy + strip_bytes);
    });
  }
  std::size_t scratch_bytes(int threads, std::size_t strip_bytes, std::size_t own_bytes) const {
    const auto workers = static_cast<std::size_t>(threads);
    return workers * (strip_bytes + own_bytes);  // the image itself: no strip_bytes
  }

  // rows[(m - begin) * runs() + r] for the pixels m in [begin, end). image: the image, or the copy of the strip.
  template <class T>
  void pointers(const T* image, const Strip& strip, std::int64_t begin, std::int64_t end, const T** rows) const {
    const std::int64_t count = runs();
    const std::int64_t* offsets = offsets_.data();
    each_pixel(image, strip, begin, end, [&](const T* pixel) {
      for (std::int64_t r = 0; r < count; ++r) *rows++ = pixel + offsets[r];
    });
  }

  // pixels[m - begin]: where the first run of a pixel lies. The others are offsets() further.
  template <class T>
  void pixels(const T* image, const Strip& strip, std::int64_t begin, std::int64_t end, const T** pixels) const {
    each_pixel(image, strip, begin, end, [&](const T* pixel) { *pixels++ = pixel; });
  }
  std::span<const std::int64_t> offsets() const { return offsets_; }

 private:
  template <class T, class Body>
  void each_pixel(const T* image, const Strip& strip, std::int64_t begin, std::int64_t end, const Body& body) const {
    std::int64_t y = begin / out_width_ - strip.first, x = begin % out_width_;
    for (std::int64_t m = begin; m < end; ++y, x = 0) {
      const T* pixel = image + y * step_y_ + x * step_x_;
      for (const std::int64_t last = std::min(end, m + out_width_ - x); m < last; ++m, pixel += step_x_) body(pixel);
    }
  }

  std::int64_t in_height_ = 0, in_width_ = 0, depth_ = 0;  // depth_: of the copy
  std::int64_t copied_values_ = 1;
  std::int64_t out_height_ = 0, out_width_ = 0;
  std::int64_t run_length_ = 0, run_padded_ = 0;
  std::int64_t height_ = 0, width_ = 0, pad_y_ = 0, pad_x_ = 0;  // of the copy; of the input where none is made
  std::int64_t stride_y_ = 1, reach_ = 1;  // rows of the copy: from one output row to the next, and seen by one
  std::int64_t strip_rows_ = 1, strip_height_ = 0;  // most output rows of a strip, rows of its copy
  std::int64_t step_y_ = 0, step_x_ = 0;            // values from one output pixel to the next
  std::int64_t row_step_ = 1;                       // of the copy's rows only every row_step_-th is read
  std::vector<std::int64_t> offsets_;               // of the runs
  bool copies_ = false;
  Tiling tiling_;
};

}  // namespace bitsieve::steps
