// One activation behind its mask and sign, for the energy table alone (tools/area.py): what plane_sum has a lane of.
module op_mask (
    input  logic [7:0] x,
    input  logic       negative,
    input  logic       mask,
    output logic [8:0] result
);
  assign result = ({1'b0, x} & {9{mask}}) ^ {9{negative & mask}};
endmodule
