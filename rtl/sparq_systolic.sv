// The machine sparq-systolic: ROWS x COLUMNS of sparq_pe, rows for output pixels, columns for filters, a trim_round for
// each row at its western end (specification of SPARQ, D.3 and D.4). Of a step comes a pair of activations for each row
// and of weights for each column, all in the same cycle; they are skewed in here. A layer of plain 8-bit values runs
// with pairs of which the second is 0.
//
// Sums leave by columns, in the cycles in which sum_valid of the column is set. Serial: row 0 first, as many rows as
// the tile has, in all columns at once. OVERLAPPED: the last row first, ROWS of them, column c c cycles late.
module sparq_systolic #(
    parameter int ROWS       = 8,
    parameter int COLUMNS    = 8,
    parameter bit OVERLAPPED = 0,
    parameter int N          = 4,
    parameter int STEP       = 1,
    parameter bit ROUND      = 1,
    parameter bit PAIRS      = 1
) (
    input  logic                           clk,
    input  logic                           reset,
    input  logic                           tile_valid,
    input  logic [15:0]                    tile_steps,
    input  logic [ 7:0]                    tile_rows,
    input  logic [ 7:0]                    tile_columns,
    output logic                           tile_taken,
    output logic                           take,
    input  logic [ROWS-1:0][1:0][7:0]      x,
    input  logic [COLUMNS-1:0][1:0][7:0]   w,
    output logic [COLUMNS-1:0]             sum_valid,
    output logic [COLUMNS-1:0][31:0]       sum,
    output logic                           idle,
    output logic                           corner_done  // OVERLAPPED: the wave behind a tile is at the last element
);
  localparam int FIELD = $clog2((8 - N) / STEP + 1);
  localparam int LANES = 2 * (N + FIELD + 1);

  logic capture, drain;
  tile_sequencer #(.ROWS(ROWS), .OVERLAPPED(OVERLAPPED)) sequencer (
      .clk(clk), .reset(reset), .tile_valid(tile_valid), .tile_steps(tile_steps), .tile_rows(tile_rows),
      .tile_columns(tile_columns), .tile_taken(tile_taken), .take(take), .capture(capture), .drain(drain), .idle(idle)
  );

  // [row][column]: what comes from the west, with the last column's output behind it, and from the north likewise.
  logic [ROWS-1:0][COLUMNS:0][1:0][N-1:0] data;
  logic [ROWS-1:0][COLUMNS:0][1:0][FIELD-1:0] place;
  logic [ROWS-1:0][COLUMNS:0][1:0] partner;
  logic [ROWS-1:0][COLUMNS:0] first;
  logic [ROWS-1:0] captures;
  logic [ROWS:0][COLUMNS-1:0][1:0][7:0] weight;
  logic [ROWS:0][COLUMNS-1:0][31:0] sums;

  for (genvar r = 0; r < ROWS; r++) begin : gen_west
    logic [1:0][N-1:0] cut;
    logic [1:0][FIELD-1:0] cut_place;
    logic [1:0] cut_partner;
    trim_round #(.N(N), .STEP(STEP), .ROUND(ROUND), .PAIRS(PAIRS)) windows (
        .x(take ? x[r] : '0), .data(cut), .place(cut_place), .partner(cut_partner)
    );
    skew #(.WIDTH(LANES + 2), .DEPTH(r)) delay (
        .clk(clk),
        .in ({cut, cut_place, cut_partner, tile_taken, capture}),
        .out({data[r][0], place[r][0], partner[r][0], first[r][0], captures[r]})
    );
  end
  for (genvar c = 0; c < COLUMNS; c++) begin : gen_north
    skew #(.WIDTH(16), .DEPTH(c)) delay (.clk(clk), .in(w[c]), .out(weight[0][c]));
  end

  for (genvar r = 0; r < ROWS; r++) begin : gen_row
    for (genvar c = 0; c < COLUMNS; c++) begin : gen_column
      sparq_pe #(.N(N), .STEP(STEP), .PAIRS(PAIRS)) element (
          .clk(clk), .data(data[r][c]), .place(place[r][c]), .partner(partner[r][c]), .w(weight[r][c]),
          .first(first[r][c]), .drain(drain), .sum_in(sums[r+1][c]),
          .data_out(data[r][c+1]), .place_out(place[r][c+1]), .partner_out(partner[r][c+1]), .w_out(weight[r+1][c]),
          .first_out(first[r][c+1]), .sum(sums[r][c])
      );
    end
  end
  assign sums[ROWS] = '0;
  logic unused;  // what the last column and row hand on
  assign unused = &{1'b0, data, place, partner, first, weight};

  output_drain #(.ROWS(ROWS), .COLUMNS(COLUMNS), .OVERLAPPED(OVERLAPPED)) outputs (
      .clk(clk), .reset(reset), .drain(drain), .capture(captures), .sums(sums[ROWS-1:0]), .sum_valid(sum_valid),
      .sum(sum), .corner_done(corner_done)
  );
endmodule
