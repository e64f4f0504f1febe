// FINN's own FIFO, with what the testbench reads of each stream's FIFO.
module fixed_fifo #(
	int unsigned  WIDTH,
	int unsigned  DEPTH
)(
	input	logic  clk,
	input	logic  rst,

	input	logic [WIDTH-1:0]  idat,
	input	logic  ivld,
	output	logic  irdy,

	output	logic [WIDTH-1:0]  odat,
	output	logic  ovld,
	input	logic  ordy
);
	uwire [$clog2(DEPTH+1):0]  count, maxcount;
	fifo #(.DEPTH(DEPTH), .DATA_WIDTH(WIDTH)) finns (
		.clk, .rst, .count, .maxcount, .idat, .ivld, .irdy, .odat, .ovld, .ordy
	);

	// Items held, and the largest number of them since reset
	uwire [31:0]  Fill /* verilator public_flat_rd */ = 32'(count);
	uwire [31:0]  Peak /* verilator public_flat_rd */ = 32'(maxcount);

endmodule : fixed_fifo
