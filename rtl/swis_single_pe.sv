// SWIS's processing element with one shifter: a shared position of a group of M weights a cycle (specification of SWIS,
// C.1). A group's activations and signs come again in each of its cycles.
module swis_single_pe #(
    parameter int M        = 4,
    parameter bit SIGNED_X = 0
) (
    input  logic                    clk,
    input  logic        [8*M-1:0]   x,                          // from the west
    input  logic        [M-1:0]     negative,                   // signs, mask and shift from the north
    input  logic        [M-1:0]     mask,
    input  logic        [2:0]       shift,
    input  logic                    first,                      // starts a new sum
    input  logic                    drain,
    input  logic signed [31:0]      sum_in,
    output logic        [8*M-1:0]   x_out,
    output logic        [M-1:0]     negative_out,
    output logic        [M-1:0]     mask_out,
    output logic        [2:0]       shift_out,
    output logic                    first_out,
    output logic signed [31:0]      sum
);
  localparam int PLANE = 9 + $clog2(M);
  logic signed [PLANE-1:0] plane;
  logic signed [PLANE+6:0] shifted;
  logic signed [31:0] base;

  plane_sum #(.M(M), .SIGNED_X(SIGNED_X)) lanes (.x(x), .negative(negative), .mask(mask), .sum(plane));
  assign shifted = (PLANE + 7)'(plane) <<< shift;
  assign base = drain ? sum_in : first ? 32'sd0 : sum;

  always_ff @(posedge clk) begin
    sum <= base + 32'(shifted);
    x_out <= x;
    negative_out <= negative;
    mask_out <= mask;
    shift_out <= shift;
    first_out <= first;
  end
endmodule
