// A delay of DEPTH cycles: row r and column c of an array get their operands r and c cycles late. Without reset: what is
// in it before the first operands is junk, which `first` clears.
module skew #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 1
) (
    input  logic             clk,
    input  logic [WIDTH-1:0] in,
    output logic [WIDTH-1:0] out
);
  if (DEPTH == 0) begin : gen_wire
    logic unused;
    assign unused = &{1'b0, clk};
    assign out = in;
  end else begin : gen_delay
    logic [DEPTH-1:0][WIDTH-1:0] stage;
    always_ff @(posedge clk) begin
      stage[0] <= in;
      for (int i = 1; i < DEPTH; i++) stage[i] <= stage[i-1];
    end
    assign out = stage[DEPTH-1];
  end
endmodule
