// FIFO on an AXI stream whose depth is an input, so that one simulator serves every depth.
//
// Cycle for cycle the same as FINN's fifo.sv of that depth (up to 2028, RAM_STYLE "auto"):
//  - Up to a depth of 257, and for items of less than 5 bits, items go through a memory and one
//    output register. The smallest FIFO holds 5 items, whatever depth below that is asked for.
//    (Streams are padded to whole bytes in FINN, so their items never have less than 8 bits.)
//  - Deeper ones are block RAM in FINN: one register more, and the memory rounded up to a power
//    of two, or to the sum of two of them.
module stream_fifo #(
	int unsigned  WIDTH,
	int unsigned  MAX_DEPTH	// largest depth that may be asked for
)(
	input	logic  clk,
	input	logic  rst,

	input	logic [31:0]  depth,	// constant while rst is low
	output	logic [31:0]  fill, 	// items held
	output	logic [31:0]  peak, 	// largest number of items held since reset

	input	logic [WIDTH-1:0]  idat,
	input	logic  ivld,
	output	logic  irdy,

	output	logic [WIDTH-1:0]  odat,
	output	logic  ovld,
	input	logic  ordy
);
	localparam int unsigned  ABITS = MAX_DEPTH > 512? $clog2(MAX_DEPTH) : 9;

	// Items that the memory holds in FINN's block RAM variant
	function automatic logic [31:0] block_slots(input logic [31:0]  items);
		automatic int unsigned  low = $clog2(items);
		automatic int unsigned  high;
		if(low <= 9)  return  1 << low;
		high = $clog2(items - (1 << (low-1)));
		if(high >= low-1)  return  1 << low;
		return  (1 << (low-1)) + (1 << (high < 1? 1 : high));
	endfunction : block_slots

	logic [WIDTH-1:0]  Mem[2**ABITS];
	logic [ABITS-1:0]  Wr, Rd;
	logic [31:0]  Stored;	// items in Mem
	logic [31:0]  Slots; 	// items that Mem may hold
	logic  Block;
	logic  Vld1, Vld0;
	logic [WIDTH-1:0]  Dat1, Dat0;
	logic [31:0]  Peak;

	uwire  push = ivld && irdy;
	uwire  load = !Vld0 || ordy;
	uwire  pop = load && (Stored != 0);

	assign	irdy = Stored < Slots;
	assign	ovld = Vld0;
	assign	odat = Dat0;
	assign	fill = Stored + 32'(Vld1) + 32'(Vld0);
	assign	peak = Peak;

	always_ff @(posedge clk) begin
		if(rst) begin
			Wr <= 0;
			Rd <= 0;
			Stored <= 0;
			Block <= (depth > 257) && (WIDTH > 4);
			Slots <= (depth > 257) && (WIDTH > 4)? block_slots(depth-1) : (depth > 4? depth : 5) - 1;
			Vld1 <= 0;
			Vld0 <= 0;
			Peak <= 0;
		end
		else begin
			if(push) begin
				Mem[Wr] <= idat;
				Wr <= Wr + 1;
			end
			if(pop)  Rd <= Rd + 1;
			if(load) begin
				if(Block) begin
					Dat1 <= Mem[Rd];
					Vld1 <= pop;
					Dat0 <= Dat1;
					Vld0 <= Vld1;
				end
				else begin
					Dat0 <= Mem[Rd];
					Vld0 <= pop;
				end
			end
			if(push != pop)  Stored <= push? Stored + 1 : Stored - 1;
			// One cycle late, which misses nothing: what was held is still counted then.
			if(fill > Peak)  Peak <= fill;
		end
	end

endmodule : stream_fifo
