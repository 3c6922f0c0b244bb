// An element's second register, in which a finished sum waits while the next tile runs and then moves south, a row a
// cycle. Sums of a column that were captured r cycles late all wait for the last one, so that they do not collide as
// long as tiles are at least as many cycles long as the array has rows.
module drain_cell (
    input  logic               clk,
    input  logic               capture,    // from the west, with the operands
    input  logic               start,      // the column's sums are all here: the first one leaves
    input  logic               shift_in,   // from the north: row r shifts once more than row r - 1
    input  logic signed [31:0] sum,        // of the element
    input  logic signed [31:0] from_north,
    output logic               capture_out,
    output logic               shift_out,
    output logic signed [31:0] value
);
  logic shift;
  assign shift = start | shift_in;
  always_ff @(posedge clk) begin
    if (capture) value <= sum;
    else if (shift) value <= from_north;
    capture_out <= capture;
    shift_out <= shift;
  end
endmodule
