// For tests: the machine swis-single in eight forms behind one set of ports; `form` is the one that runs.
// Forms 0 to 3 drain serially, 4 to 7 overlapped: 1 x 1, 2 x 3, 4 x 4 and 8 x 8, all with four lanes.
module swis_single_bench (
    input  logic        clk,
    input  logic        reset,
    input  logic [ 2:0] form,
    input  logic        tile_valid,
    input  logic [15:0] tile_steps,
    input  logic [ 7:0] tile_rows,
    input  logic [ 7:0] tile_columns,
    output logic        tile_taken,
    output logic        take,
    input  logic [ 7:0] x[32],  // lane i of row r at 4 r + i
    input  logic [ 3:0] negative[8],
    input  logic [ 3:0] mask[8],
    input  logic [ 2:0] shift[8],
    output logic        sum_valid[8],
    output logic [31:0] sum[8],
    output logic        idle,
    output logic        corner_done
);
  localparam int ROWS[4] = '{1, 2, 4, 8};
  localparam int COLUMNS[4] = '{1, 3, 4, 8};

  logic [7:0][3:0][7:0] all_x;
  logic [7:0][3:0] signs, masks;
  logic [7:0][2:0] shifts;
  for (genvar i = 0; i < 32; i++) begin : gen_activation
    assign all_x[i/4][i%4] = x[i];
  end
  for (genvar c = 0; c < 8; c++) begin : gen_weight
    assign signs[c] = negative[c];
    assign masks[c] = mask[c];
    assign shifts[c] = shift[c];
  end

  logic [7:0] takens, takes, idles, corners;
  logic [7:0][7:0] valids;
  logic [7:0][7:0][31:0] sums;

  for (genvar f = 0; f < 8; f++) begin : gen_form
    localparam int R = ROWS[f%4];
    localparam int C = COLUMNS[f%4];
    if (C < 8) begin : gen_absent
      assign valids[f][7:C] = '0;
      assign sums[f][7:C] = '0;
    end
    swis_single #(
        .ROWS(R), .COLUMNS(C), .OVERLAPPED(f >= 4), .M(4), .SIGNED_X(1'b0)
    ) array (
        .clk(clk), .reset(reset), .tile_valid(tile_valid && form == 3'(f)), .tile_steps(tile_steps),
        .tile_rows(tile_rows), .tile_columns(tile_columns), .tile_taken(takens[f]), .take(takes[f]),
        .x(all_x[R-1:0]), .negative(signs[C-1:0]), .mask(masks[C-1:0]), .shift(shifts[C-1:0]),
        .sum_valid(valids[f][C-1:0]), .sum(sums[f][C-1:0]), .idle(idles[f]), .corner_done(corners[f])
    );
  end

  assign tile_taken = takens[form];
  assign take = takes[form];
  assign idle = idles[form];
  assign corner_done = corners[form];
  for (genvar c = 0; c < 8; c++) begin : gen_output
    assign sum_valid[c] = valids[form][c];
    assign sum[c] = sums[form][c];
  end
endmodule
