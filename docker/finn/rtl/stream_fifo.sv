// FIFO on an AXI stream whose depth is an input, so that one simulator serves every depth.
//
// Cycle for cycle the same as FINN's fifo.sv of that depth (RAM_STYLE "auto"):
//  - Up to a depth of 257, and for items of less than 5 bits, items go through a memory and one
//    output register. The smallest FIFO holds 5 items, whatever depth below that is asked for.
//    (Streams are padded to whole bytes in FINN, so their items never have less than 8 bits.)
//  - Up to 2028 they are block RAM in FINN: one register more, and the memory rounded up to a power
//    of two, or to the sum of two of them.
//  - Deeper ones are UltraRAM: a memory of at least 2048 words, rounded likewise from 8192 on, a
//    pipeline of three registers and more, and a queue of 17 items that it may fill.
//
// A cycle in which nothing can change costs one comparison; most are so.
module stream_fifo #(
	int unsigned  WIDTH,
	int unsigned  MAX_DEPTH	// largest depth that may be asked for
)(
	input	logic  clk,
	input	logic  rst,

	input	logic [31:0]  depth,	// constant while rst is low

	input	logic [WIDTH-1:0]  idat,
	input	logic  ivld,
	output	logic  irdy,

	output	logic [WIDTH-1:0]  odat,
	output	logic  ovld,
	input	logic  ordy
);
	localparam int unsigned  QUEUE = 17;
	localparam int unsigned  ABITS = $clog2(memory_slots(MAX_DEPTH) + QUEUE + 1);
	localparam bit  MAY_BE_BLOCK = (MAX_DEPTH >  257) && (WIDTH > 4);
	localparam bit  MAY_BE_ULTRA = (MAX_DEPTH > 2028) && (WIDTH > 4);

	// Words that FINN implements for `items`: a power of two, or beyond `least` bits the sum of two.
	function automatic logic [31:0] rounded(input logic [31:0]  items, input int unsigned  least);
		automatic int unsigned  low = $clog2(items);
		automatic int unsigned  high;
		if(low <= least)  return  1 << low;
		high = $clog2(items - (1 << (low-1)));
		if(high >= low-1)  return  1 << low;
		return  (1 << (low-1)) + (1 << (high < 1? 1 : high));
	endfunction : rounded

	// Items that the memory holds of a FIFO of `items`
	function automatic logic [31:0] memory_slots(input logic [31:0]  items);
		if((items <= 257) || (WIDTH <= 4))  return  (items > 4? items : 5) - 1;
		return  items <= 2028? rounded(items-1, 9) : rounded(items-QUEUE, 12);
	endfunction : memory_slots

	// Registers from the UltraRAM to its queue: a cascade has one more for each 8192 words.
	function automatic logic [31:0] ultra_stages(input logic [31:0]  items);
		automatic int unsigned  low = $clog2(items-QUEUE);
		if((low > 12) && (rounded(items-QUEUE, 12) != (1 << low)))  low--;
		return  3 + ((1 << low) - 1) / 8192;
	endfunction : ultra_stages

	// Items are in Mem from when they are taken until they are in Dat; Rd is the next for Dat.
	logic [WIDTH-1:0]  Mem[2**ABITS];
	logic [ABITS-1:0]  Wr, Rd;
	logic [31:0]  Stored;	// items in FINN's memory
	logic [31:0]  Slots; 	// items that may be there
	logic  Block, Ultra;
	logic  Vld1;	// block RAM: its first register is full
	logic [31:0]  Pipe, Stages;	// UltraRAM: items on their way to the queue, a bit for each stage
	logic [31:0]  Queued, Drained;	// items in the queue; those, on their way, and in Dat

	// The outputs, and for this module itself what they are: Verilator copies what is both read and
	// assigned at an edge, in every cycle.
	logic  Rdy, Vld;
	logic  Room, Full;
	logic [WIDTH-1:0]  Dat;
	logic  Moving;	// something changes at the next edge even if nothing is taken or given

	// For the testbench: items held, and the largest number of them since reset
	logic [31:0]  Held, Most;
	logic [31:0]  Fill /* verilator public_flat_rd */;
	logic [31:0]  Peak /* verilator public_flat_rd */;

	assign	irdy = Rdy;
	assign	ovld = Vld;
	assign	odat = Dat;

	always_ff @(posedge clk) begin
		if(rst) begin
			Wr = 0;
			Rd = 0;
			Stored = 0;
			Slots = memory_slots(depth);
			Block = MAY_BE_BLOCK && (depth > 257) && (depth <= 2028);
			Ultra = MAY_BE_ULTRA && (depth > 2028);
			Stages = MAY_BE_ULTRA && (depth > 2028)? ultra_stages(depth) : 0;
			Vld1 = 0;
			Pipe = 0;
			Queued = 0;
			Drained = 0;
			Held = 0;
			Most = 0;
			Moving = 0;
			Room = 1;
			Full = 0;
			Rdy <= 1;
			Vld <= 0;
			Fill <= 0;
			Peak <= 0;
		end
		else if(Moving || (ivld && Room) || (ordy && Full)) begin
			automatic logic  take = ivld && Room;
			automatic logic  give = ordy && Full;
			automatic logic  load = !Full || ordy;	// of Dat
			automatic logic  vld;	// there is something for it
			automatic logic  drain;	// an item leaves the memory
			if(MAY_BE_ULTRA && Ultra) begin
				vld = Queued != 0;
				drain = (Drained < QUEUE) && (Stored != 0);
				Queued = Queued + 32'(Pipe[0]) - 32'(vld && load);
				Drained = Drained + 32'(drain) - 32'(give);
				Pipe = (Pipe >> 1) | (32'(drain) << (Stages-1));
			end
			else if(MAY_BE_BLOCK && Block) begin
				vld = Vld1;
				drain = load && (Stored != 0);
				if(load)  Vld1 = drain;
			end
			else begin
				vld = Stored != 0;
				drain = load && vld;
			end

			Held = Held + 32'(take) - 32'(give);
			if(Held > Most)  Most = Held;
			if(load) begin
				Full = vld;
				if(vld) begin
					Dat <= Mem[Rd];
					Rd = Rd + 1;
				end
			end
			if(take) begin
				Mem[Wr] = idat;
				Wr = Wr + 1;
			end
			Stored = Stored + 32'(take) - 32'(drain);
			Room = Stored < Slots;

			if(MAY_BE_ULTRA && Ultra) begin
				Moving = (Pipe != 0) || ((Drained < QUEUE) && (Stored != 0)) || (!Full && (Queued != 0));
			end
			else Moving = !Full && ((Stored != 0) || Vld1);

			Rdy <= Room;
			Vld <= Full;
			Fill <= Held;
			Peak <= Most;
		end
	end

endmodule : stream_fifo
