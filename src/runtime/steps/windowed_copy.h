// Activations on their way into the copy that a convolution reads: as they are, or what SPARQ's windows leave of them.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>

#include "kernels/window/window.h"
#include "runtime/steps/makers.h"

namespace bitsieve::steps {

class WindowedCopy {
 public:
  explicit WindowedCopy(const Source& s)
      : transform_(s.layer.transform),
        arithmetic_(transform_.active ? find_window_arithmetic(transform_.pair.data()) : WindowArithmetic{}),
        kernel_(select_window(s.isa, s.isa == Isa::avx512vnni && vbmi_supported())) {}

  bool active() const { return transform_.active; }
  bool paired() const { return transform_.active && transform_.paired; }

  // n values, the first of them the first of a pair. One pass over the 8-bit activations serves every output channel
  // (specification of SPARQ, A.8 and E). With windows `to` may be `from`.
  void operator()(const std::uint8_t* from, std::uint8_t* to, std::int64_t n) const {
    if (transform_.active) {
      kernel_.adjacent({transform_.pair.data(), transform_.lone.data(), transform_.paired, &arithmetic_}, from, to, n);
    } else {
      std::memcpy(to, from, static_cast<std::size_t>(n));
    }
  }

  // Behind the name of a step's kernel.
  std::string suffix() const { return transform_.active ? std::string(" + ") + kernel_.name : ""; }

 private:
  ActivationTransform transform_;
  WindowArithmetic arithmetic_;
  const WindowKernel& kernel_;
};

}  // namespace bitsieve::steps
