// SPARQ's dot product for weights of which two of four are kept: sixteen positions of K a cycle (specification of
// SPARQ, D.6). Windows depend on which weights are kept, so the trim_rounds stand behind the multiplexers, in every
// unit.
module sparq_sparse_dot_product #(
    parameter int N     = 4,
    parameter int STEP  = 1,
    parameter bit ROUND = 0,
    parameter bit PAIRS = 1,
    localparam int FIELD = $clog2((8 - N) / STEP + 1)
) (
    input  logic                clk,
    input  logic        [127:0] x,         // four groups of four activations
    input  logic        [ 63:0] w,         // two kept weights of each, signed
    input  logic        [ 15:0] position,  // theirs in the group
    input  logic                first,
    output logic signed [ 31:0] sum
);
  logic [63:0] facing;
  logic [8*N-1:0] data;
  logic [8*FIELD-1:0] place;
  logic [7:0] partner;

  for (genvar g = 0; g < 4; g++) begin : gen_group
    kept_pair kept (.x(x[32*g+:32]), .w(w[16*g+:16]), .position(position[4*g+:4]), .facing(facing[16*g+:16]));
    trim_round #(.N(N), .STEP(STEP), .ROUND(ROUND), .PAIRS(PAIRS)) windows (
        .x(facing[16*g+:16]), .data(data[2*N*g+:2*N]), .place(place[2*FIELD*g+:2*FIELD]), .partner(partner[2*g+:2])
    );
  end
  sparq_dot_product #(.N(N), .STEP(STEP), .PAIRS(PAIRS)) products (
      .clk(clk), .data(data), .place(place), .partner(partner), .w(w), .first(first), .sum(sum)
  );
endmodule
