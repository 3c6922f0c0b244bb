// SPARQ's processing element: two positions of K a cycle (specification of SPARQ, D.4). Lanes come cut from the west,
// one trim_round serves a row of elements.
module sparq_pe #(
    parameter int N     = 4,
    parameter int STEP  = 1,
    parameter bit PAIRS = 1,
    localparam int FIELD = $clog2((8 - N) / STEP + 1)
) (
    input  logic                      clk,
    input  logic        [2*N-1:0]     data,
    input  logic        [2*FIELD-1:0] place,
    input  logic        [1:0]         partner,
    input  logic        [15:0]        w,
    input  logic                      first,
    input  logic                      drain,
    input  logic signed [31:0]        sum_in,
    output logic        [2*N-1:0]     data_out,
    output logic        [2*FIELD-1:0] place_out,
    output logic        [1:0]         partner_out,
    output logic        [15:0]        w_out,
    output logic                      first_out,
    output logic signed [31:0]        sum
);
  logic signed [16:0] product;
  logic signed [31:0] base;

  sparq_pair #(.N(N), .STEP(STEP), .PAIRS(PAIRS)) pair (
      .data(data), .place(place), .partner(partner), .w(w), .product(product)
  );
  assign base = drain ? sum_in : first ? 32'sd0 : sum;

  always_ff @(posedge clk) begin
    sum <= base + 32'(product);
    data_out <= data;
    place_out <= place;
    w_out <= w;
    first_out <= first;
  end
  if (PAIRS) begin : gen_pairs
    always_ff @(posedge clk) partner_out <= partner;
  end else begin : gen_alone
    assign partner_out = '0;
  end
endmodule
