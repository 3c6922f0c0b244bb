// The window of an 8-bit value that holds its leading one, trimmed or rounded (specification of SPARQ, A.2 and D.3).
// Combinational. src/accel/elements/trim_round.cc says the same in C++.
module window_cut #(
    parameter int BITS  = 4,  // of the window, 1 to 8
    parameter int STEP  = 1,  // windows are at the shifts 0, STEP, 2 STEP ... 8 - BITS
    parameter bit ROUND = 0,  // half to even on what is dropped, saturating inside the window; 0: trim
    localparam int COUNT = (8 - BITS) / STEP + 1,
    localparam int FIELD = COUNT > 1 ? $clog2(COUNT) : 1
) (
    input  logic [7:0]       x,
    output logic [BITS-1:0]  data,
    output logic [FIELD-1:0] place  // shift / STEP
);
  logic [BITS-1:0] window;
  logic guard, sticky;

  always_comb begin
    window = x[BITS-1:0];
    place  = '0;
    guard  = 1'b0;
    sticky = 1'b0;
    // A bit above one window calls for the next; the highest has the last word.
    for (int i = 1; i < COUNT; i++) begin
      if ((x >> (BITS + (i - 1) * STEP)) != 8'd0) begin
        window = x[i*STEP+:BITS];
        place  = FIELD'(i);
        guard  = x[i*STEP-1];
        sticky = (x & 8'((1 << (i * STEP - 1)) - 1)) != 8'd0;
      end
    end
  end

  if (ROUND) begin : gen_round
    logic up;
    assign up   = guard & (sticky | window[0]) & ~&window;
    assign data = window + BITS'(up);
  end else begin : gen_trim
    logic unused;
    assign unused = &{1'b0, guard, sticky};
    assign data   = window;
  end
endmodule
