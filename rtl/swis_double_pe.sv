// SWIS's processing element with two shifters: two positions of a group a cycle, with the activations of one register
// (specification of SWIS, C.2). Of an odd number the last cycle's second mask is 0.
module swis_double_pe #(
    parameter int M        = 4,
    parameter bit SIGNED_X = 0
) (
    input  logic                    clk,
    input  logic        [8*M-1:0]   x,
    input  logic        [M-1:0]     negative,
    input  logic        [2*M-1:0]   mask,
    input  logic        [5:0]       shift,
    input  logic                    first,
    input  logic                    drain,
    input  logic signed [31:0]      sum_in,
    output logic        [8*M-1:0]   x_out,
    output logic        [M-1:0]     negative_out,
    output logic        [2*M-1:0]   mask_out,
    output logic        [5:0]       shift_out,
    output logic                    first_out,
    output logic signed [31:0]      sum
);
  localparam int PLANE = 9 + $clog2(M);
  logic [2*(PLANE+7)-1:0] shifted;  // two signed numbers
  logic signed [PLANE+7:0] both;
  logic signed [31:0] base;

  for (genvar i = 0; i < 2; i++) begin : gen_plane
    logic signed [PLANE-1:0] plane;
    plane_sum #(.M(M), .SIGNED_X(SIGNED_X)) lanes (.x(x), .negative(negative), .mask(mask[M*i+:M]), .sum(plane));
    assign shifted[(PLANE+7)*i+:PLANE+7] = (PLANE + 7)'(plane) <<< shift[3*i+:3];
  end
  assign both = (PLANE + 8)'($signed(shifted[PLANE+6:0])) + (PLANE + 8)'($signed(shifted[2*PLANE+13:PLANE+7]));
  assign base = drain ? sum_in : first ? 32'sd0 : sum;

  always_ff @(posedge clk) begin
    sum <= base + 32'(both);
    x_out <= x;
    negative_out <= negative;
    mask_out <= mask;
    shift_out <= shift;
    first_out <= first;
  end
endmodule
