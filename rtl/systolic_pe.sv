// The 8b-8b processing element of an output-stationary array (specification of SPARQ, D.4): a product and an addition
// a cycle. Operands are used in the cycle in which they come and handed on after it.
module systolic_pe #(
    parameter bit SIGNED_X = 0  // activations are signed
) (
    input  logic               clk,
    input  logic        [ 7:0] x,          // from the west
    input  logic signed [ 7:0] w,          // from the north
    input  logic               first,      // starts a new sum
    input  logic               drain,      // sums move on, while operands are zero
    input  logic signed [31:0] sum_in,     // of the element that drains into this one
    output logic        [ 7:0] x_out,
    output logic signed [ 7:0] w_out,
    output logic               first_out,  // to the east, as the activation
    output logic signed [31:0] sum
);
  logic signed [ 8:0] wide;
  logic signed [16:0] product;
  logic signed [31:0] base;

  assign wide = {SIGNED_X & x[7], x};
  // Named, so that synthesis keeps a multiplier of 8 bits instead of a 32-bit multiply-add.
  assign product = 17'(wide) * 17'(w);
  assign base = drain ? sum_in : first ? 32'sd0 : sum;

  always_ff @(posedge clk) begin
    sum <= base + 32'(product);
    x_out <= x;
    w_out <= w;
    first_out <= first;
  end
endmodule
