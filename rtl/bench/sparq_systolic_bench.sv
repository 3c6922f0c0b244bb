// For tests: the machine sparq-systolic in eight forms behind one set of ports; `form` is the one that runs.
// Forms 0 to 3 drain serially, 4 to 7 overlapped: 1 x 1, 2 x 3, 4 x 4 and 8 x 8; 2opt and
// trimming, 3opt, 6opt, 5opt, all but the first rounding, all with pairs.
module sparq_systolic_bench (
    input  logic        clk,
    input  logic        reset,
    input  logic [ 2:0] form,
    input  logic        tile_valid,
    input  logic [15:0] tile_steps,
    input  logic [ 7:0] tile_rows,
    input  logic [ 7:0] tile_columns,
    output logic        tile_taken,
    output logic        take,
    input  logic [ 7:0] x[16],  // activation i of row r at 2 r + i
    input  logic [ 7:0] w[16],
    output logic        sum_valid[8],
    output logic [31:0] sum[8],
    output logic        idle,
    output logic        corner_done
);
  localparam int ROWS[4] = '{1, 2, 4, 8};
  localparam int COLUMNS[4] = '{1, 3, 4, 8};
  localparam int N[4] = '{4, 4, 3, 4};
  localparam int STEP[4] = '{4, 2, 1, 1};

  logic [7:0][1:0][7:0] all_x, all_w;
  for (genvar i = 0; i < 16; i++) begin : gen_operand
    assign all_x[i/2][i%2] = x[i];
    assign all_w[i/2][i%2] = w[i];
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
    sparq_systolic #(
        .ROWS(R), .COLUMNS(C), .OVERLAPPED(f >= 4), .N(N[f%4]), .STEP(STEP[f%4]), .ROUND(f % 4 != 0), .PAIRS(1'b1)
    ) array (
        .clk(clk), .reset(reset), .tile_valid(tile_valid && form == 3'(f)), .tile_steps(tile_steps),
        .tile_rows(tile_rows), .tile_columns(tile_columns), .tile_taken(takens[f]), .take(takes[f]),
        .x(all_x[R-1:0]), .w(all_w[C-1:0]),
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
