// Stripes' processing element: M products of an 8-bit weight and one bit of an activation a cycle, bits from the highest
// to the lowest (Judd et al., MICRO 2016; specification of SWIS, C.6): weight_serial_pe with the roles exchanged.
module stripes_pe #(
    parameter int M = 16
) (
    input  logic               clk,
    input  logic [8*M-1:0]     w,            // signed
    input  logic [M-1:0]       bits,         // of the activations
    input  logic               sign,         // the bits are the highest ones of signed activations: they take away
    input  logic               group_first,  // bit of a group
    input  logic               group_last,
    input  logic               first,        // with the last bit of an output's first group
    input  logic               drain,
    input  logic signed [31:0] sum_in,
    output logic [8*M-1:0]     w_out,
    output logic [M-1:0]       bits_out,
    output logic               sign_out,
    output logic               group_first_out,
    output logic               group_last_out,
    output logic               first_out,
    output logic signed [31:0] sum
);
  localparam int PLANE = 9 + $clog2(M);
  localparam int GROUP = PLANE + 8;
  logic signed [PLANE-1:0] plane;
  logic signed [GROUP-1:0] group, doubled, next, placed;
  logic signed [31:0] base;

  plane_sum #(.M(M), .SIGNED_X(1)) lanes (.x(w), .negative({M{sign}}), .mask(bits), .sum(plane));
  assign doubled = group_first ? '0 : group <<< 1;
  assign next = doubled + GROUP'(plane);
  assign placed = group_last ? next : '0;
  assign base = drain ? sum_in : first ? 32'sd0 : sum;

  always_ff @(posedge clk) begin
    group <= next;
    sum <= base + 32'(placed);
    w_out <= w;
    bits_out <= bits;
    sign_out <= sign;
    group_first_out <= group_first;
    group_last_out <= group_last;
    first_out <= first;
  end
endmodule
