// Two lanes of N bits times their weights, each shifted to its place: the product of a pair of activations
// (specification of SPARQ, D.1 and D.4). Combinational.
module sparq_pair #(
    parameter int N     = 4,
    parameter int STEP  = 1,
    parameter bit PAIRS = 1,
    localparam int FIELD = $clog2((8 - N) / STEP + 1)
) (
    input  logic        [2*N-1:0]     data,     // two lanes, the first one low
    input  logic        [2*FIELD-1:0] place,
    input  logic        [1:0]         partner,  // not looked at without PAIRS
    input  logic        [15:0]        w,        // two signed weights
    output logic signed [16:0]        product
);
  logic [31:0] lanes;

  for (genvar i = 0; i < 2; i++) begin : gen_lane
    logic signed [7:0] weight;
    logic signed [N+7:0] narrow;
    logic signed [15:0] lane;
    if (PAIRS) begin : gen_mux
      assign weight = partner[i] ? w[8*(1-i)+:8] : w[8*i+:8];
    end else begin : gen_own
      assign weight = w[8*i+:8];
    end
    assign narrow = (N + 8)'($signed({1'b0, data[N*i+:N]})) * (N + 8)'(weight);
    // No place is above 8 - N, so nothing is lost in 16 bits. Small steps first: they need fewer bits.
    always_comb begin
      lane = 16'(narrow);
      for (int b = 0; b < FIELD; b++) begin
        if (place[FIELD*i+b]) lane = lane <<< (STEP << b);
      end
    end
    assign lanes[16*i+:16] = lane;
  end
  if (!PAIRS) begin : gen_alone
    logic unused;
    assign unused = &{1'b0, partner};
  end
  assign product = 17'($signed(lanes[15:0])) + 17'($signed(lanes[31:16]));
endmodule
