// How finished sums leave an output-stationary array. Serial: the elements' own registers shift north, and row 0 is
// here. OVERLAPPED: drain_cells take copies and shift south.
module output_drain #(
    parameter int ROWS       = 8,
    parameter int COLUMNS    = 8,
    parameter bit OVERLAPPED = 0
) (
    input  logic                              clk,
    input  logic                              reset,
    input  logic                              drain,    // serial: the elements are shifting
    input  logic [ROWS-1:0]                   capture,  // overlapped: at the rows' western ends
    input  logic [ROWS-1:0][COLUMNS-1:0][31:0] sums,    // of the elements
    output logic [COLUMNS-1:0]                sum_valid,
    output logic [COLUMNS-1:0][31:0]          sum,
    output logic                              corner_done
);
  if (OVERLAPPED) begin : gen_cells
    logic [ROWS-1:0][COLUMNS:0] captures;
    logic [ROWS:0][COLUMNS-1:0] shifts;
    logic [ROWS:0][COLUMNS-1:0][31:0] values;
    logic [COLUMNS-1:0] start;
    logic unused;
    assign unused = &{1'b0, drain, shifts[ROWS]};
    assign shifts[0] = '0;
    assign values[0] = '0;
    for (genvar r = 0; r < ROWS; r++) begin : gen_row
      assign captures[r][0] = capture[r];
      for (genvar c = 0; c < COLUMNS; c++) begin : gen_column
        drain_cell cell_of (
            .clk(clk), .capture(captures[r][c]), .start(start[c]), .shift_in(shifts[r][c]), .sum(sums[r][c]),
            .from_north(values[r][c]), .capture_out(captures[r][c+1]), .shift_out(shifts[r+1][c]),
            .value(values[r+1][c])
        );
      end
    end
    for (genvar c = 0; c < COLUMNS; c++) begin : gen_drain
      column_drain #(.ROWS(ROWS)) of_column (
          .clk(clk), .reset(reset), .capture(captures[0][c]), .start(start[c]), .valid(sum_valid[c])
      );
    end
    assign sum = values[ROWS];
    assign corner_done = captures[ROWS-1][COLUMNS-1];
  end else begin : gen_shift
    logic unused;
    assign unused = &{1'b0, clk, reset, capture, sums};
    assign sum_valid = {COLUMNS{drain}};
    assign sum = sums[0];
    assign corner_done = 1'b0;
  end
endmodule
