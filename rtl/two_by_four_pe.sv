// Two products of 4 x 8 bits a cycle, without shifters and multiplexers: the bound that SPARQ's element is measured
// against from below (specification of SPARQ, D.7).
module two_by_four_pe (
    input  logic               clk,
    input  logic        [ 7:0] x,          // two activations of 4 bits, the first one low
    input  logic        [15:0] w,          // two signed weights
    input  logic               first,
    input  logic               drain,
    input  logic signed [31:0] sum_in,
    output logic        [ 7:0] x_out,
    output logic        [15:0] w_out,
    output logic               first_out,
    output logic signed [31:0] sum
);
  logic signed [11:0] product0, product1;
  logic signed [12:0] both;
  logic signed [31:0] base;

  assign product0 = 12'($signed({1'b0, x[3:0]})) * 12'($signed(w[7:0]));
  assign product1 = 12'($signed({1'b0, x[7:4]})) * 12'($signed(w[15:8]));
  assign both = 13'(product0) + 13'(product1);
  assign base = drain ? sum_in : first ? 32'sd0 : sum;

  always_ff @(posedge clk) begin
    sum <= base + 32'(both);
    x_out <= x;
    w_out <= w;
    first_out <= first;
  end
endmodule
