// After the first image the executor asks for no more memory. This program counts every operator new.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "compress/quantize.h"
#include "graph/onnx/reader.h"
#include "graph/passes/passes.h"
#include "runtime/calibrate.h"
#include "runtime/executor.h"

namespace {

std::atomic<std::int64_t> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  void* p = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, 16); }
void* operator new[](std::size_t bytes) { return counted(bytes, 16); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes, 16); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes, 16); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace bitsieve {
namespace {

void pattern(std::int64_t index, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>((i * 31 + static_cast<std::size_t>(index) * 17) % 101) / 100;
}

std::int64_t allocations_of_ten_images(const QuantizedModel& model, const ExecutorOptions& options) {
  const Executor executor(model, options);
  Executor::Workspace workspace;
  std::vector<float> image(static_cast<std::size_t>(element_count(model.graph.shape(model.graph.input)))), scores;
  pattern(0, image);
  executor.run(image, workspace, scores);
  const std::int64_t before = allocations;
  for (int i = 0; i < 10; ++i) executor.run(image, workspace, scores);
  return allocations - before;
}

TEST(Allocation, NoneAfterTheFirstImage) {
  Graph graph = load_onnx(std::string(BITSIEVE_MODELS) + "/fashion-resnet14.onnx");
  fold_batch_norms(graph);
  fuse_activations(graph);
  remove_dead(graph);
  const Calibration calibration = calibrate(float_model(graph), 4, 1, pattern);
  for (const Isa isa : isas()) {
    if (!isa_supported(isa)) continue;
    for (const int threads : {1, 2}) {
      EXPECT_EQ(allocations_of_ten_images(float_model(graph), {false, isa, threads}), 0) << isa_name(isa);
      for (const char* code : {"int8", "sparq-5opt-round", "act4-uniform"}) {
        Recipe recipe;
        recipe.layers.act_code = code;
        recipe.first_last = FirstLast::same;
        const QuantizedModel model = quantize(graph, calibration, recipe).model;
        EXPECT_EQ(allocations_of_ten_images(model, {false, isa, threads}), 0) << code << ", " << isa_name(isa);
      }
    }
  }
  // The counter sees the plain executor, which allocates as it likes.
  EXPECT_GT(allocations_of_ten_images(float_model(graph), {.reference = true}), 0);
}

}  // namespace
}  // namespace bitsieve
