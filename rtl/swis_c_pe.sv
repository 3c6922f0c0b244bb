// SWIS-C's processing element: positions follow each other, so planes come from the highest to the lowest and double
// what is there, and one shift a group puts it in its place (Horner; specification of SWIS, C.3).
module swis_c_pe #(
    parameter int M        = 4,
    parameter bit SIGNED_X = 0
) (
    input  logic                    clk,
    input  logic        [8*M-1:0]   x,
    input  logic        [M-1:0]     negative,
    input  logic        [M-1:0]     mask,
    input  logic                    group_first,                // plane of a group
    input  logic                    group_last,
    input  logic        [2:0]       offset,                     // with the last plane; offset + planes is at most 8
    input  logic                    first,                      // with the last plane of an output's first group
    input  logic                    drain,
    input  logic signed [31:0]      sum_in,
    output logic        [8*M-1:0]   x_out,
    output logic        [M-1:0]     negative_out,
    output logic        [M-1:0]     mask_out,
    output logic                    group_first_out,
    output logic                    group_last_out,
    output logic        [2:0]       offset_out,
    output logic                    first_out,
    output logic signed [31:0]      sum
);
  localparam int PLANE = 9 + $clog2(M);
  localparam int GROUP = PLANE + 8;  // eight planes of ones are 255
  logic signed [PLANE-1:0] plane;
  logic signed [GROUP-1:0] group, doubled, next, placed;
  logic signed [31:0] base;

  plane_sum #(.M(M), .SIGNED_X(SIGNED_X)) lanes (.x(x), .negative(negative), .mask(mask), .sum(plane));
  assign doubled = group_first ? '0 : group <<< 1;
  assign next = doubled + GROUP'(plane);
  assign placed = group_last ? next <<< offset : '0;
  assign base = drain ? sum_in : first ? 32'sd0 : sum;

  always_ff @(posedge clk) begin
    group <= next;
    sum <= base + 32'(placed);
    x_out <= x;
    negative_out <= negative;
    mask_out <= mask;
    group_first_out <= group_first;
    group_last_out <= group_last;
    offset_out <= offset;
    first_out <= first;
  end
endmodule
