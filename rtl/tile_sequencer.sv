// When an output-stationary array takes operands and lets its sums go (specifications of SPARQ, D.4, and of SWIS, C.4).
// The simulator's output_stationary (src/accel/mapping.cc) gives the same number of cycles:
//   serial:     a tile of r rows, c columns and T steps takes T + r + c - 2, and r more to shift its sums out;
//   overlapped: tiles follow each other every max(T, ROWS) cycles, ROWS of which the last one's sums need to leave.
module tile_sequencer #(
    parameter int ROWS       = 8,
    parameter bit OVERLAPPED = 0
) (
    input  logic        clk,
    input  logic        reset,
    input  logic        tile_valid,    // a tile waits; it and its size stay until tile_taken
    input  logic [15:0] tile_steps,    // T, 1 or more
    input  logic [ 7:0] tile_rows,     // 1 to ROWS
    input  logic [ 7:0] tile_columns,  // 1 or more
    output logic        tile_taken,    // in the tile's first cycle
    output logic        take,          // operands of this cycle are used
    output logic        capture,       // overlapped: the wave that copies finished sums starts
    output logic        drain,         // serial: sums move by one row
    output logic        idle
);
  typedef enum logic [1:0] {READY, STEPS, FILL, DRAIN} state_t;
  state_t state;
  logic [15:0] left;  // cycles of this state, this one included
  logic [15:0] rest;  // cycles after the steps: to fill, or till the next tile may start
  logic [7:0] rows;
  logic finished;  // overlapped: a tile's sums stand in the array
  // Of the tile that is being taken, which may be one of a single cycle, or was taken before.
  logic [15:0] steps_left, rest_of_tile, rest_now;
  logic [7:0] rows_now;

  assign tile_taken = state == READY && tile_valid;
  assign take = tile_taken || state == STEPS;
  assign drain = state == DRAIN;
  assign capture = OVERLAPPED && state == READY && finished;
  assign idle = state == READY && !finished;

  if (OVERLAPPED) begin : gen_rest_overlapped
    logic unused;
    assign unused = &{1'b0, tile_rows, tile_columns};
    assign rest_of_tile = tile_steps < 16'(ROWS) ? 16'(ROWS) - tile_steps : 16'd0;
  end else begin : gen_rest_serial
    assign rest_of_tile = 16'(tile_rows) + 16'(tile_columns) - 16'd2;
  end
  assign steps_left = tile_taken ? tile_steps : left;
  assign rest_now = tile_taken ? rest_of_tile : rest;
  assign rows_now = tile_taken ? tile_rows : rows;

  always_ff @(posedge clk) begin
    if (reset) begin
      state <= READY;
      finished <= 1'b0;
    end else begin
      if (tile_taken) begin
        rows <= tile_rows;
        rest <= rest_of_tile;
      end
      if (state == READY) finished <= 1'b0;
      left <= left - 16'd1;
      if (take) begin
        left <= steps_left - 16'd1;
        state <= STEPS;
        if (steps_left == 16'd1) begin
          left <= rest_now;
          state <= FILL;
          if (rest_now == 16'd0) begin
            left <= 16'(rows_now);
            state <= OVERLAPPED ? READY : DRAIN;
            finished <= OVERLAPPED;
          end
        end
      end else if (state == FILL && left == 16'd1) begin
        left <= 16'(rows);
        state <= OVERLAPPED ? READY : DRAIN;
        finished <= OVERLAPPED;
      end else if (state == DRAIN && left == 16'd1) begin
        state <= READY;
      end
    end
  end
endmodule
