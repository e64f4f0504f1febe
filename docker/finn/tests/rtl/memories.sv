// A memory of each kind and width that becomes block RAM, all with the same requests: each request
// reads, and may write; the answer has what all of them read.
module one_memory #(
	int unsigned  WIDTH,
	int unsigned  DEPTH,
	bit  ONE_PORT,	// reads where it writes
	bit  NEW,	// gives what is written, and not what was there before
	int unsigned  BYTE = WIDTH,	// bits that are written together
	parameter  INIT = ""
)(
	input	logic  clk,
	input	logic  en,
	input	logic  we,
	input	logic [31:0]  at,
	input	logic [31:0]  from,
	input	logic [71:0]  data,
	output	logic [71:0]  got
);
	localparam int unsigned  BITS = $clog2(DEPTH);
	(* ram_style = "block" *)
	logic [WIDTH-1:0]  Memory[DEPTH-1:0];
	if(INIT != "")  initial  $readmemh(INIT, Memory);

	uwire [BITS-1:0]  w = at[BITS-1:0];
	uwire [BITS-1:0]  r = ONE_PORT? w : from[BITS-1:0];
	logic [WIDTH-1:0]  Got;
	always_ff @(posedge clk) begin
		if(en) begin
			if(ONE_PORT && NEW) begin
				if(we)  Got <= data[WIDTH-1:0];
				else    Got <= Memory[r];
			end
			else  Got <= Memory[r];
			for(int unsigned  i = 0; i < WIDTH/BYTE; i++) begin
				if(we && ((BYTE == WIDTH) || at[16+i]))  Memory[w][i*BYTE +: BYTE] <= data[i*BYTE +: BYTE];
			end
		end
	end
	assign  got = 72'(Got);

endmodule : one_memory
