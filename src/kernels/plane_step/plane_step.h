// One step of SGD with momentum on all bit planes of a layer, fused (specification of BSQ, D.2). The gradient of the
// loss by all 2 * bits planes has rank one, so one momentum of the layer's size replaces theirs; that of decay and
// group Lasso is kept beside it. With planes Pi, E = (2^(bits-1), ..., 1, -2^(bits-1), ..., -1) and rho by bit:
//
//   M  = momentum * M + step * gradient
//   R  = momentum * R + rho_b * Pi
//   Pi = min(max(Pi - rate * (E_b * M + R), 0), 2)
//
// which is what SGD does that keeps a momentum for each plane, but for rounding. Planes are read and written once.
//
// Every kernel gives the same bits: each lane does the same operations, and sums are of 16 partial ones.
#pragma once
#include <cstdint>
#include <vector>

#include "base/cpu.h"

namespace bitsieve {

// Weights of one call at most; the sums of squares of a layer are those of its chunks added up, so that they do not
// depend on threads.
inline constexpr std::int64_t plane_step_chunk = 1024;

struct PlaneStepArgs {
  std::int64_t count = 0;           // weights, 1 to plane_step_chunk
  int bits = 0;                     // 1 to 10
  std::int64_t stride = 0;          // from plane to plane
  float* planes = nullptr;          // [2 * bits][stride]: of both signs, from the highest bit on
  float* shrinkage = nullptr;       // R, likewise
  float* momentum = nullptr;        // M, [count]
  const float* gradient = nullptr;  // of the loss by the weights, [count]
  const float* rho = nullptr;       // by bit, the lowest first
  float step = 0;                   // what a weight is per unit of u: scale / (2^bits - 1)
  float rate = 0, keep = 0;         // learning rate; how much of a momentum is kept
  float* rounded = nullptr;         // out: u after the step, rounded half to even, [count]
  double* squares = nullptr;        // out: sum of the squares of both signs, by bit, the lowest first
};

struct PlaneStepKernel {
  const char* name;
  Isa isa;
  void (*run)(const PlaneStepArgs& args);  // thread safe
};

const PlaneStepKernel& select_plane_step(Isa isa);
const std::vector<const PlaneStepKernel*>& plane_step_kernels();  // best first

}  // namespace bitsieve
