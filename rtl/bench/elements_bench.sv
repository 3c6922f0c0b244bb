// For tests: the processing elements without windows, and the dot products, on the same operands. Units that read fewer
// of them take the first.
module elements_bench (
    input  logic        clk,
    input  logic [ 7:0] x[16],
    input  logic [ 7:0] w[8],
    input  logic [ 1:0] position[8],  // of the kept weights
    input  logic [15:0] negative,
    input  logic [15:0] mask[2],
    input  logic [ 2:0] shift[2],
    input  logic        first,
    input  logic        group_first,
    input  logic        group_last,
    output logic [31:0] systolic[2],       // unsigned and signed activations
    output logic [31:0] two_by_four,
    output logic [31:0] dot,
    output logic [31:0] sparse,
    output logic [31:0] sparq_dot[5],      // rounding, with pairs, by option
    output logic [31:0] sparq_sparse[10],  // 2 * option + round
    output logic [31:0] single[8],         // 2 * size + signed; sizes are 1, 4, 8 and 16 lanes
    output logic [31:0] twice[8],
    output logic [31:0] consecutive[8],    // the offset is shift[0]
    output logic [31:0] serial[8]
);
  localparam int N[5] = '{4, 4, 4, 3, 2};
  localparam int STEP[5] = '{1, 2, 4, 1, 1};
  localparam int SIZE[4] = '{1, 4, 8, 16};

  logic [15:0][7:0] all_x;
  logic [7:0][7:0] all_w;
  logic [7:0][1:0] all_positions;
  for (genvar i = 0; i < 16; i++) begin : gen_x
    assign all_x[i] = x[i];
  end
  for (genvar i = 0; i < 8; i++) begin : gen_w
    assign all_w[i] = w[i];
    assign all_positions[i] = position[i];
  end

  for (genvar s = 0; s < 2; s++) begin : gen_systolic
    systolic_pe #(.SIGNED_X(s == 1)) element (
        .clk(clk), .x(x[0]), .w(w[0]), .first(first), .drain(1'b0), .sum_in('0), .sum(systolic[s]),
        .x_out(), .w_out(), .first_out()
    );
  end
  two_by_four_pe bound (
      .clk(clk), .x({x[1][3:0], x[0][3:0]}), .w(all_w[1:0]), .first(first), .drain(1'b0), .sum_in('0),
      .sum(two_by_four), .x_out(), .w_out(), .first_out()
  );
  dot_product products (.clk(clk), .x(all_x[3:0]), .w(all_w[3:0]), .first(first), .sum(dot));
  sparse_dot_product kept (
      .clk(clk), .x(all_x[7:0]), .w(all_w[3:0]), .position(all_positions[3:0]), .first(first), .sum(sparse)
  );

  for (genvar o = 0; o < 5; o++) begin : gen_option
    localparam int FIELD = $clog2((8 - N[o]) / STEP[o] + 1);
    logic [3:0][1:0][N[o]-1:0] data;
    logic [3:0][1:0][FIELD-1:0] place;
    logic [3:0][1:0] partner;
    for (genvar i = 0; i < 4; i++) begin : gen_pair
      trim_round #(.N(N[o]), .STEP(STEP[o]), .ROUND(1'b1), .PAIRS(1'b1)) unit (
          .x(all_x[2*i+1:2*i]), .data(data[i]), .place(place[i]), .partner(partner[i])
      );
    end
    sparq_dot_product #(.N(N[o]), .STEP(STEP[o]), .PAIRS(1'b1)) windows (
        .clk(clk), .data(data), .place(place), .partner(partner), .w(all_w), .first(first), .sum(sparq_dot[o])
    );
    for (genvar r = 0; r < 2; r++) begin : gen_round
      sparq_sparse_dot_product #(.N(N[o]), .STEP(STEP[o]), .ROUND(r == 1), .PAIRS(1'b1)) kept_windows (
          .clk(clk), .x(all_x), .w(all_w), .position(all_positions), .first(first), .sum(sparq_sparse[2*o+r])
      );
    end
  end

  for (genvar k = 0; k < 8; k++) begin : gen_shifts
    localparam int M = SIZE[k/2];
    localparam bit SIGNED_X = k % 2 == 1;
    swis_single_pe #(.M(M), .SIGNED_X(SIGNED_X)) one (
        .clk(clk), .x(all_x[M-1:0]), .negative(negative[M-1:0]), .mask(mask[0][M-1:0]), .shift(shift[0]),
        .first(first), .drain(1'b0), .sum_in('0), .sum(single[k]),
        .x_out(), .negative_out(), .mask_out(), .shift_out(), .first_out()
    );
    swis_double_pe #(.M(M), .SIGNED_X(SIGNED_X)) two (
        .clk(clk), .x(all_x[M-1:0]), .negative(negative[M-1:0]), .mask({mask[1][M-1:0], mask[0][M-1:0]}),
        .shift({shift[1], shift[0]}), .first(first), .drain(1'b0), .sum_in('0), .sum(twice[k]),
        .x_out(), .negative_out(), .mask_out(), .shift_out(), .first_out()
    );
    swis_c_pe #(.M(M), .SIGNED_X(SIGNED_X)) horner (
        .clk(clk), .x(all_x[M-1:0]), .negative(negative[M-1:0]), .mask(mask[0][M-1:0]), .group_first(group_first),
        .group_last(group_last), .offset(shift[0]), .first(first && group_last), .drain(1'b0), .sum_in('0),
        .sum(consecutive[k]),
        .x_out(), .negative_out(), .mask_out(), .group_first_out(), .group_last_out(), .offset_out(), .first_out()
    );
    weight_serial_pe #(.M(M), .SIGNED_X(SIGNED_X)) bits (
        .clk(clk), .x(all_x[M-1:0]), .negative(negative[M-1:0]), .mask(mask[0][M-1:0]), .group_first(group_first),
        .group_last(group_last), .first(first && group_last), .drain(1'b0), .sum_in('0), .sum(serial[k]),
        .x_out(), .negative_out(), .mask_out(), .group_first_out(), .group_last_out(), .first_out()
    );
  end
endmodule
