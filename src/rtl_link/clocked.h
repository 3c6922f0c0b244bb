// A verilated design as a test drives it: set inputs, look at what follows from them, go on by a cycle.
#pragma once
#include <verilated.h>

namespace bitsieve::rtl {

template <class Design>
class Clocked {
 public:
  Clocked() : design_(&context_) {
    design_.clk = 0;
    design_.eval();
  }
  // Ports. What is written counts from the next settle() or tick().
  Design* operator->() { return &design_; }

  // Outputs that follow from inputs without a clock.
  void settle() { design_.eval(); }
  // A rising edge, and back.
  void tick() {
    design_.eval();
    design_.clk = 1;
    design_.eval();
    design_.clk = 0;
    design_.eval();
  }

 private:
  VerilatedContext context_;
  Design design_;
};

}  // namespace bitsieve::rtl
