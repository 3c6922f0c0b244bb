// The machine swis-single: ROWS x COLUMNS of swis_single_pe, rows for output pixels, columns for filters (specification
// of SWIS, C.4). A step is a shared position: M activations for each row and signs, masks and a shift for each column
// come in the same cycle, the activations of a group in each of its steps; they are skewed in here. All columns of a
// tile have as many positions a group.
//
// Sums leave as those of sparq_systolic do.
module swis_single #(
    parameter int ROWS       = 8,
    parameter int COLUMNS    = 8,
    parameter bit OVERLAPPED = 0,
    parameter int M          = 4,
    parameter bit SIGNED_X   = 0
) (
    input  logic                           clk,
    input  logic                           reset,
    input  logic                           tile_valid,
    input  logic [15:0]                    tile_steps,
    input  logic [ 7:0]                    tile_rows,
    input  logic [ 7:0]                    tile_columns,
    output logic                           tile_taken,
    output logic                           take,
    input  logic [ROWS-1:0][M-1:0][7:0]    x,
    input  logic [COLUMNS-1:0][M-1:0]      negative,
    input  logic [COLUMNS-1:0][M-1:0]      mask,
    input  logic [COLUMNS-1:0][2:0]        shift,
    output logic [COLUMNS-1:0]             sum_valid,
    output logic [COLUMNS-1:0][31:0]       sum,
    output logic                           idle,
    output logic                           corner_done  // OVERLAPPED: the wave behind a tile is at the last element
);
  logic capture, drain;
  tile_sequencer #(.ROWS(ROWS), .OVERLAPPED(OVERLAPPED)) sequencer (
      .clk(clk), .reset(reset), .tile_valid(tile_valid), .tile_steps(tile_steps), .tile_rows(tile_rows),
      .tile_columns(tile_columns), .tile_taken(tile_taken), .take(take), .capture(capture), .drain(drain), .idle(idle)
  );

  // [row][column]: what comes from the west, with the last column's output behind it, and from the north likewise.
  logic [ROWS-1:0][COLUMNS:0][M-1:0][7:0] activation;
  logic [ROWS-1:0][COLUMNS:0] first;
  logic [ROWS-1:0] captures;
  logic [ROWS:0][COLUMNS-1:0][M-1:0] signs, masks;
  logic [ROWS:0][COLUMNS-1:0][2:0] shifts;
  logic [ROWS:0][COLUMNS-1:0][31:0] sums;

  for (genvar r = 0; r < ROWS; r++) begin : gen_west
    skew #(.WIDTH(8 * M + 2), .DEPTH(r)) delay (
        .clk(clk), .in({x[r], tile_taken, capture}), .out({activation[r][0], first[r][0], captures[r]})
    );
  end
  for (genvar c = 0; c < COLUMNS; c++) begin : gen_north
    // An empty mask is what keeps a sum as it is.
    skew #(.WIDTH(2 * M + 3), .DEPTH(c)) delay (
        .clk(clk), .in({negative[c], take ? mask[c] : M'(0), shift[c]}),
        .out({signs[0][c], masks[0][c], shifts[0][c]})
    );
  end

  for (genvar r = 0; r < ROWS; r++) begin : gen_row
    for (genvar c = 0; c < COLUMNS; c++) begin : gen_column
      swis_single_pe #(.M(M), .SIGNED_X(SIGNED_X)) element (
          .clk(clk), .x(activation[r][c]), .negative(signs[r][c]), .mask(masks[r][c]), .shift(shifts[r][c]),
          .first(first[r][c]), .drain(drain), .sum_in(sums[r+1][c]),
          .x_out(activation[r][c+1]), .negative_out(signs[r+1][c]), .mask_out(masks[r+1][c]),
          .shift_out(shifts[r+1][c]), .first_out(first[r][c+1]), .sum(sums[r][c])
      );
    end
  end
  assign sums[ROWS] = '0;
  logic unused;  // what the last column and row hand on
  assign unused = &{1'b0, activation, first, signs, masks, shifts};

  output_drain #(.ROWS(ROWS), .COLUMNS(COLUMNS), .OVERLAPPED(OVERLAPPED)) outputs (
      .clk(clk), .reset(reset), .drain(drain), .capture(captures), .sums(sums[ROWS-1:0]), .sum_valid(sum_valid),
      .sum(sum), .corner_done(corner_done)
  );
endmodule
