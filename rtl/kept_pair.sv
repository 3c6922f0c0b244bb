// The two of four activations that face kept weights (specification of SPARQ, D.6). A weight of 0 is none: its
// activation counts as 0, so that it does not cost the other one its bits. Combinational.
module kept_pair (
    input  logic [31:0] x,         // four activations
    input  logic [15:0] w,         // two weights, as kept
    input  logic [ 3:0] position,  // of each in its group of four
    output logic [15:0] facing
);
  for (genvar i = 0; i < 2; i++) begin : gen_mux
    assign facing[8*i+:8] = x[{position[2*i+:2], 3'b000}+:8] & {8{w[8*i+:8] != 8'd0}};
  end
endmodule
