// Stands in for FINN's memstream.sv where weights are constant (one set, nothing configured).
//
// FINN's module reads its memory through a pipeline with credits, which never runs dry once it is
// filled: five cycles after reset it offers a word in every cycle. So does this one, without
// the pipeline.
module memstream #(
	int unsigned  SETS,
	int unsigned  DEPTH,
	int unsigned  WIDTH,

	parameter  INIT_FILE = "",
	parameter  RAM_STYLE = "auto",

	localparam int unsigned  ADDR_WIDTH0 = $clog2(SETS*DEPTH),
	localparam int unsigned  ADDR_WIDTH = ADDR_WIDTH0 != 0? ADDR_WIDTH0 : 1,
	localparam int unsigned  SET_BITS = SETS > 2? $clog2(SETS) : 1
)(
	input	logic  clk,
	input	logic  rst,

	input	logic  config_ce,
	input	logic  config_we,
	input	logic [ADDR_WIDTH-1:0]  config_address,
	input	logic [WIDTH-1:0]  config_d0,
	output	logic  config_rack,
	output	logic [WIDTH-1:0]  config_q0,

	input	logic [SET_BITS-1:0]  sidx,
	input	logic  svld,
	output	logic  srdy,

	input	logic  ordy,
	output	logic  ovld,
	output	logic [WIDTH-1:0]  odat
);
	// As finn_worker/rtl/standins.py has it
	if(SETS != 1)  $error("memstream stand-in: only one set of weights.");
	if(INIT_FILE == "")  $error("memstream stand-in: weights are read from a file.");

	localparam int unsigned  START = 5;	// cycles from reset to the first word

	logic [WIDTH-1:0]  Mem[DEPTH];
	initial  $readmemh(INIT_FILE, Mem);

	logic [ADDR_WIDTH-1:0]  Ptr;
	logic [START-1:0]  Started;
	assign	ovld = Started[START-1];
	assign	odat = Mem[Ptr];
	assign	srdy = 0;
	assign	config_rack = 0;
	assign	config_q0 = '0;

	always_ff @(posedge clk) begin
		if(rst) begin
			Ptr <= 0;
			Started <= 0;
		end
		else begin
			Started <= { Started[START-2:0], 1'b1 };
			if(ovld && ordy)  Ptr <= Ptr == ADDR_WIDTH'(DEPTH-1)? '0 : Ptr + ADDR_WIDTH'(1);
		end
	end

endmodule : memstream
