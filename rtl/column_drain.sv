// When the sums of a column that drain_cells hold are at its southern end: ROWS cycles from the one in which the last of
// them is there, the southernmost sum first.
module column_drain #(
    parameter int ROWS = 8
) (
    input  logic clk,
    input  logic reset,
    input  logic capture,  // of the column's first row
    output logic start,    // for the drain_cells
    output logic valid     // a sum is at the southern end
);
  logic [ROWS-1:0] waiting, leaving;
  assign start = waiting[ROWS-1];
  assign valid = start | (|leaving);
  always_ff @(posedge clk) begin
    if (reset) begin
      waiting <= '0;
      leaving <= '0;
    end else begin
      waiting <= ROWS'({waiting, capture});
      // A token moves through ROWS - 1 places behind the start.
      leaving <= ROWS'({leaving, start}) & ~(ROWS'(1) << (ROWS - 1));
    end
  end
endmodule
