// One node of a model prepared for running. Every step gives the same bits as runtime/reference.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/cpu.h"
#include "quant/model.h"
#include "runtime/crew.h"

namespace bitsieve {

// What a step may use while it runs.
struct StepContext {
  std::uint8_t* scratch = nullptr;  // Step::scratch_bytes(threads()) bytes, 64-byte aligned, contents undefined
  Crew* crew = nullptr;             // null: the calling thread alone

  int threads() const { return crew == nullptr ? 1 : crew->threads(); }

  // body(index, worker) for every index in [0, count), as Crew::run.
  template <class Body>
  void each(std::int64_t count, const Body& body) const {
    if (crew != nullptr) return crew->run(count, body);
    for (std::int64_t i = 0; i < count; ++i) body(i, 0);
  }

  // body(begin, end) over [0, count) in pieces of at least `grain`, one per thread.
  template <class Body>
  void split(std::int64_t count, std::int64_t grain, const Body& body) const {
    const std::int64_t pieces = std::max<std::int64_t>(1, std::min<std::int64_t>(threads(), count / grain));
    each(pieces, [&](std::int64_t i, int) { body(count * i / pieces, count * (i + 1) / pieces); });
  }
};

class Step {
 public:
  virtual ~Step() = default;

  // in: one pointer per input of the node, in storage layout, typed as the model codes it; ignored for constants.
  // out: room for the output, apart from every input. Thread safe as long as contexts differ.
  virtual void run(std::span<const void* const> in, void* out, const StepContext& context) const = 0;

  virtual std::size_t scratch_bytes(int threads) const {
    (void)threads;
    return 0;
  }

  // What runs the node, e.g. "qgemm_avx512vnni" or "reference".
  virtual std::string kernel() const = 0;

  // Why nothing faster runs it, in a few words, where there is something faster on this machine; else empty.
  virtual std::string remark() const { return {}; }
};

// Scratch is laid out in parts of whole cache lines.
inline std::size_t whole_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

struct StepOptions {
  bool reference = false;  // the plain executor
  Isa isa = Isa::portable;
  // Bytes of int8 weights from which matrix-vector products read them packed; -1: where it is faster on this machine.
  std::int64_t packed_from = -1;
};

// The step of node `index`. It keeps a reference to `model`, which must outlive it.
std::unique_ptr<const Step> make_step(const QuantizedModel& model, int index, const StepOptions& options);

}  // namespace bitsieve
