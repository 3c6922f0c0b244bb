// What one bit plane of a group of weights adds: the activations in the mask, with the weights' signs (specification of
// SWIS, A.2 and C.1). Combinational.
module plane_sum #(
    parameter int M        = 4,  // lanes, a power of two
    parameter bit SIGNED_X = 0,  // activations are signed
    localparam int SUM = 9 + $clog2(M)
) (
    input  logic        [8*M-1:0] x,
    input  logic        [M-1:0]   negative,
    input  logic        [M-1:0]   mask,
    output logic signed [SUM-1:0] sum
);
  logic [M-1:0] negate;
  logic [9*M-1:0] term;
  logic signed [SUM-1:0] without_last;

  // -x is ~x + 1: the ones are carries of the tree, but for the last one.
  assign negate = negative & mask;
  for (genvar i = 0; i < M; i++) begin : gen_term
    assign term[9*i+:9] = ({SIGNED_X & x[8*i+7], x[8*i+:8]} & {9{mask[i]}}) ^ {9{negate[i]}};
  end
  if (M == 1) begin : gen_one
    sum_tree #(.COUNT(M), .WIDTH(9)) tree (.term(term), .carry(1'b0), .sum(without_last));
  end else begin : gen_many
    sum_tree #(.COUNT(M), .WIDTH(9)) tree (.term(term), .carry(negate[M-2:0]), .sum(without_last));
  end
  assign sum = without_last + SUM'($signed({1'b0, negate[M-1]}));
endmodule
