// One shift to the left, for the energy table alone (tools/area.py): of a signed number, by 0 to PLACES, without loss.
module op_shift #(
    parameter int WIDTH  = 11,
    parameter int PLACES = 7,
    localparam int FIELD = $clog2(PLACES + 1)
) (
    input  logic signed [WIDTH-1:0]        a,
    input  logic        [FIELD-1:0]        places,
    output logic signed [WIDTH+PLACES-1:0] result
);
  always_comb begin
    result = (WIDTH + PLACES)'(a);
    for (int b = 0; b < FIELD; b++) begin
      if (places[b]) result = result <<< (1 << b);
    end
  end
endmodule
