// SPARQ's dot product: each 8b-8b multiplier of dot_product is a pair of lanes, so that eight positions of K go in a
// cycle (specification of SPARQ, D.5). Lanes come cut: the trim_rounds of an operand serve all units that share it.
module sparq_dot_product #(
    parameter int N     = 4,
    parameter int STEP  = 1,
    parameter bit PAIRS = 1,
    localparam int FIELD = $clog2((8 - N) / STEP + 1)
) (
    input  logic                      clk,
    input  logic        [8*N-1:0]     data,     // four pairs of lanes
    input  logic        [8*FIELD-1:0] place,
    input  logic        [7:0]         partner,
    input  logic        [63:0]        w,        // eight signed weights
    input  logic                      first,
    output logic signed [31:0]        sum
);
  logic [4*17-1:0] product;
  logic signed [18:0] whole;

  for (genvar i = 0; i < 4; i++) begin : gen_product
    sparq_pair #(.N(N), .STEP(STEP), .PAIRS(PAIRS)) pair (
        .data(data[2*N*i+:2*N]), .place(place[2*FIELD*i+:2*FIELD]), .partner(partner[2*i+:2]), .w(w[16*i+:16]),
        .product(product[17*i+:17])
    );
  end
  sum_tree #(.COUNT(4), .WIDTH(17)) tree (.term(product), .carry(3'b0), .sum(whole));

  always_ff @(posedge clk) sum <= (first ? 32'sd0 : sum) + 32'(whole);
endmodule
