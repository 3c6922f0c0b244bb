// For tests: all of SPARQ's trim-and-round units, each with a processing element behind it, on the same operands.
// Index: 4 * option + 2 * round + pairs; options are 5opt, 3opt, 2opt, 6opt, 7opt.
module sparq_bench (
    input  logic        clk,
    input  logic [ 7:0] x[2],
    input  logic [ 7:0] w[2],
    input  logic        first,
    output logic [ 3:0] data[40],     // lane i of unit u at 2 u + i
    output logic [ 2:0] place[40],
    output logic        partner[40],
    output logic [31:0] sum[20]
);
  localparam int N[5] = '{4, 4, 4, 3, 2};
  localparam int STEP[5] = '{1, 2, 4, 1, 1};
  for (genvar o = 0; o < 5; o++) begin : gen_option
    for (genvar m = 0; m < 4; m++) begin : gen_mode
      localparam int U = 4 * o + m;
      localparam int FIELD = $clog2((8 - N[o]) / STEP[o] + 1);
      logic [1:0][N[o]-1:0] lanes;
      logic [1:0][FIELD-1:0] places;
      logic [1:0] partners;
      trim_round #(.N(N[o]), .STEP(STEP[o]), .ROUND(m / 2 == 1), .PAIRS(m % 2 == 1)) unit (
          .x({x[1], x[0]}), .data(lanes), .place(places), .partner(partners)
      );
      sparq_pe #(.N(N[o]), .STEP(STEP[o]), .PAIRS(m % 2 == 1)) element (
          .clk(clk), .data(lanes), .place(places), .partner(partners), .w({w[1], w[0]}), .first(first), .drain(1'b0),
          .sum_in('0), .sum(sum[U]),
          .data_out(), .place_out(), .partner_out(), .w_out(), .first_out()
      );
      for (genvar i = 0; i < 2; i++) begin : gen_lane
        assign data[2*U+i] = 4'(lanes[i]);
        assign place[2*U+i] = 3'(places[i]);
        assign partner[2*U+i] = partners[i];
      end
    end
  end
endmodule
