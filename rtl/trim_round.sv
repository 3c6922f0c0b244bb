// SPARQ's trim-and-round unit: two activations to two lanes of N bits (specification of SPARQ, D.2 and D.3).
// Combinational. Of 5opt, 3opt and 2opt N is 4 and STEP 1, 2 and 4; of 6opt N is 3, of 7opt 2.
module trim_round #(
    parameter int N     = 4,
    parameter int STEP  = 1,
    parameter bit ROUND = 0,
    parameter bit PAIRS = 1,  // vSPARQ: beside a zero, a value takes both lanes
    localparam int FIELD = $clog2((8 - N) / STEP + 1)
) (
    input  logic [15:0]        x,       // two activations, the first one low
    output logic [2*N-1:0]     data,    // two lanes, the first one low
    output logic [2*FIELD-1:0] place,   // shift / STEP
    output logic [1:0]         partner  // the lane multiplies its partner's weight
);
  logic [2*N-1:0] cut;
  logic [2*FIELD-1:0] cut_place;

  for (genvar i = 0; i < 2; i++) begin : gen_cut
    window_cut #(.BITS(N), .STEP(STEP), .ROUND(ROUND)) of_value (
        .x(x[8*i+:8]), .data(cut[N*i+:N]), .place(cut_place[FIELD*i+:FIELD])
    );
  end

  if (PAIRS) begin : gen_pairs
    // Of a lone value the lanes are the two halves of 2N bits; N = 4 has all eight.
    localparam int LONE_COUNT = 8 - 2 * N + 1;
    localparam int LONE_FIELD = LONE_COUNT > 1 ? $clog2(LONE_COUNT) : 1;
    logic first_is_zero, lone;
    logic [2*N-1:0] whole;
    logic [LONE_FIELD-1:0] whole_place;
    logic [2*FIELD-1:0] lone_places;
    assign first_is_zero = x[7:0] == 8'd0;
    assign lone = first_is_zero | (x[15:8] == 8'd0);
    // One of them is zero, so that the other one is their OR.
    window_cut #(.BITS(2 * N), .STEP(1), .ROUND(ROUND)) of_lone (
        .x(x[7:0] | x[15:8]), .data(whole), .place(whole_place)
    );
    always_comb begin
      data  = cut;
      place = cut_place;
      if (lone) begin
        // The first lane has the upper half.
        data  = {whole[N-1:0], whole[2*N-1:N]};
        place = lone_places;
      end
    end
    assign partner = {lone & ~first_is_zero, first_is_zero};
    if (N == 4) begin : gen_whole
      logic unused;
      assign unused = &{1'b0, whole_place};
      assign lone_places = {FIELD'(0), FIELD'(4 / STEP)};
    end else begin : gen_window
      assign lone_places = {FIELD'(whole_place), FIELD'(whole_place) + FIELD'(N)};
    end
  end else begin : gen_alone
    assign data = cut;
    assign place = cut_place;
    assign partner = '0;
  end
endmodule
