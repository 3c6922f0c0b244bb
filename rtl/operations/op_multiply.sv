// One product, for the energy table alone (tools/area.py): BITS unsigned times 8 bits signed.
module op_multiply #(
    parameter int BITS = 8
) (
    input  logic        [BITS-1:0] x,
    input  logic signed [7:0]      w,
    output logic signed [BITS+7:0] result
);
  assign result = (BITS + 8)'($signed({1'b0, x})) * (BITS + 8)'(w);
endmodule
