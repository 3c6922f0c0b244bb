// Bit-Pragmatic's processing element: a cycle takes one set bit of each of M activations, which each lane finds within
// reach of a common position: weights are shifted by 0 to 3 in their lanes, and their sum to that position (Albericio
// et al., MICRO 2017). What finds the bits stands outside, one for all elements that share the activations.
module bit_pragmatic_pe #(
    parameter int M        = 16,
    parameter bit SIGNED_X = 0
) (
    input  logic               clk,
    input  logic [8*M-1:0]     w,         // signed
    input  logic [M-1:0]       valid,     // the lane has a bit
    input  logic [2*M-1:0]     above,     // its position above the common one
    input  logic [M-1:0]       negative,  // of the activation; not looked at where these have no signs
    input  logic [2:0]         common,    // common + above is at most 7
    input  logic               first,
    input  logic               drain,
    input  logic signed [31:0] sum_in,
    output logic [8*M-1:0]     w_out,
    output logic [M-1:0]       valid_out,
    output logic [2*M-1:0]     above_out,
    output logic [M-1:0]       negative_out,
    output logic [2:0]         common_out,
    output logic               first_out,
    output logic signed [31:0] sum
);
  localparam int TERM = 12;  // -(-128) shifted by 3 is 1024
  localparam int SUM = TERM + $clog2(M) + 1;
  logic [TERM*M-1:0] term;
  logic [M-1:0] negate;
  logic signed [SUM-2:0] without_last;
  logic signed [SUM-1:0] lane_sum;
  logic signed [SUM+6:0] placed;
  logic signed [31:0] base;

  assign negate = SIGNED_X ? negative & valid : '0;
  for (genvar i = 0; i < M; i++) begin : gen_lane
    // -(w << n) is (~w << n) with ones behind it, and one more.
    logic signed [TERM-1:0] wide;
    assign wide = TERM'($signed(w[8*i+:8] & {8{valid[i]}}));
    assign term[TERM*i+:TERM] = (wide <<< above[2*i+:2]) ^ {TERM{negate[i]}};
  end
  sum_tree #(.COUNT(M), .WIDTH(TERM)) tree (.term(term), .carry(negate[M-2:0]), .sum(without_last));
  assign lane_sum = SUM'(without_last) + SUM'($signed({1'b0, negate[M-1]}));
  assign placed = (SUM + 7)'(lane_sum) <<< common;
  assign base = drain ? sum_in : first ? 32'sd0 : sum;

  always_ff @(posedge clk) begin
    sum <= base + 32'(placed);
    w_out <= w;
    valid_out <= valid;
    above_out <= above;
    negative_out <= negative;
    common_out <= common;
    first_out <= first;
  end
endmodule
