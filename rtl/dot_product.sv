// Four 8b-8b products a cycle and their sum, as in a tensor core (specification of SPARQ, D.5). Operands come from
// registers outside, which a row and a column of such units share.
module dot_product (
    input  logic               clk,
    input  logic        [31:0] x,      // four activations
    input  logic        [31:0] w,      // four signed weights
    input  logic               first,  // starts a new sum
    output logic signed [31:0] sum
);
  logic [4*17-1:0] product;
  logic signed [18:0] whole;

  for (genvar i = 0; i < 4; i++) begin : gen_product
    assign product[17*i+:17] = 17'($signed({1'b0, x[8*i+:8]})) * 17'($signed(w[8*i+:8]));
  end
  sum_tree #(.COUNT(4), .WIDTH(17)) tree (.term(product), .carry(3'b0), .sum(whole));

  always_ff @(posedge clk) sum <= (first ? 32'sd0 : sum) + 32'(whole);
endmodule
