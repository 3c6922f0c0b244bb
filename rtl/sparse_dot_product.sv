// dot_product for weights of which two of four are kept: eight positions of K a cycle on four multipliers
// (specification of SPARQ, D.6, the conventional one).
module sparse_dot_product (
    input  logic               clk,
    input  logic        [63:0] x,         // two groups of four activations
    input  logic        [31:0] w,         // two kept weights of each, signed
    input  logic        [ 7:0] position,  // theirs in the group
    input  logic               first,
    output logic signed [31:0] sum
);
  logic [31:0] facing;
  // Behind a conventional multiplier a weight of 0 needs nothing: the multiplexers alone.
  for (genvar g = 0; g < 2; g++) begin : gen_group
    for (genvar i = 0; i < 2; i++) begin : gen_mux
      assign facing[16*g+8*i+:8] = x[{1'(g), position[4*g+2*i+:2], 3'b000}+:8];
    end
  end
  dot_product products (.clk(clk), .x(facing), .w(w), .first(first), .sum(sum));
endmodule
