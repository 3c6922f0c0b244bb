// A balanced tree of adders with one carry into each: COUNT numbers and COUNT - 1 single bits. Combinational.
module sum_tree #(
    parameter int COUNT = 4,  // a power of two
    parameter int WIDTH = 9,
    localparam int CARRIES = COUNT > 1 ? COUNT - 1 : 1,
    localparam int SUM = WIDTH + $clog2(COUNT)
) (
    input  logic        [COUNT*WIDTH-1:0] term,   // signed
    input  logic        [CARRIES-1:0]     carry,  // not looked at where COUNT is 1
    output logic signed [SUM-1:0]         sum
);
  if (COUNT == 1) begin : gen_leaf
    logic unused;
    assign unused = &{1'b0, carry};
    assign sum = $signed(term);
  end else begin : gen_halves
    localparam int HALF = COUNT / 2;
    logic signed [SUM-2:0] left, right;
    logic signed [SUM:0] both;
    if (HALF == 1) begin : gen_pair
      assign left  = $signed(term[WIDTH-1:0]);
      assign right = $signed(term[2*WIDTH-1:WIDTH]);
    end else begin : gen_trees
      sum_tree #(.COUNT(HALF), .WIDTH(WIDTH)) lower (.term(term[HALF*WIDTH-1:0]), .carry(carry[HALF-2:0]), .sum(left));
      sum_tree #(.COUNT(HALF), .WIDTH(WIDTH)) upper (
          .term(term[COUNT*WIDTH-1:HALF*WIDTH]), .carry(carry[COUNT-3:HALF-1]), .sum(right)
      );
    end
    // The carry comes in below the lowest bit, so that one adder does.
    assign both = (SUM + 1)'($signed({left, 1'b1})) + (SUM + 1)'($signed({right, carry[COUNT-2]}));
    logic unused;
    assign unused = &{1'b0, both[0]};
    assign sum = both[SUM:1];
  end
endmodule
