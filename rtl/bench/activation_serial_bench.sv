// For tests: the elements that are serial over activations, of one, four, eight and sixteen lanes, on the same operands.
module activation_serial_bench (
    input  logic        clk,
    input  logic [ 7:0] w[16],
    input  logic [15:0] bits,      // of activations; lanes with a bit
    input  logic [ 1:0] above[16],
    input  logic [15:0] negative,
    input  logic [ 2:0] common,
    input  logic        sign,
    input  logic        group_first,
    input  logic        group_last,
    input  logic        first,
    output logic [31:0] stripes[4],
    output logic [31:0] pragmatic[8]  // 2 * size + signed
);
  localparam int SIZE[4] = '{1, 4, 8, 16};
  logic [15:0][7:0] all_w;
  logic [15:0][1:0] all_above;
  for (genvar i = 0; i < 16; i++) begin : gen_lane
    assign all_w[i] = w[i];
    assign all_above[i] = above[i];
  end
  for (genvar s = 0; s < 4; s++) begin : gen_size
    localparam int M = SIZE[s];
    stripes_pe #(.M(M)) by_bits (
        .clk(clk), .w(all_w[M-1:0]), .bits(bits[M-1:0]), .sign(sign), .group_first(group_first),
        .group_last(group_last), .first(first && group_last), .drain(1'b0), .sum_in('0), .sum(stripes[s]),
        .w_out(), .bits_out(), .sign_out(), .group_first_out(), .group_last_out(), .first_out()
    );
    if (M > 1) begin : gen_pragmatic
      for (genvar k = 0; k < 2; k++) begin : gen_signed
        bit_pragmatic_pe #(.M(M), .SIGNED_X(k == 1)) by_set_bits (
            .clk(clk), .w(all_w[M-1:0]), .valid(bits[M-1:0]), .above(all_above[M-1:0]), .negative(negative[M-1:0]),
            .common(common), .first(first), .drain(1'b0), .sum_in('0), .sum(pragmatic[2*s+k]),
            .w_out(), .valid_out(), .above_out(), .negative_out(), .common_out(), .first_out()
        );
      end
    end else begin : gen_none
      assign pragmatic[0] = '0;
      assign pragmatic[1] = '0;
    end
  end
endmodule
