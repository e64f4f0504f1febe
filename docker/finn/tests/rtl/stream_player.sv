// A stream that plays the words of a file over and over, with random pauses.
module stream_source #(
	int unsigned  WIDTH,
	int unsigned  COUNT,
	parameter  FILE = ""
)(
	input	logic  clk,
	input	logic  rst,
	output	logic [WIDTH-1:0]  dat,
	output	logic  vld,
	input	logic  rdy
);
	logic [WIDTH-1:0]  Words[COUNT];
	initial  $readmemh(FILE, Words);

	logic [31:0]  Next;
	logic [7:0]  Rate;
	always_ff @(posedge clk) begin
		if(6'($urandom) == 0)  Rate <= 2'($urandom) == 0? 255 : 8'($urandom);
		if(rst) begin
			Next <= 0;
			vld <= 0;
		end
		else if(!vld || rdy) begin
			vld <= 0;
			dat <= '1;
			if(8'($urandom) <= Rate) begin
				vld <= 1;
				dat <= Words[Next];
				Next <= Next == COUNT-1? 0 : Next + 1;
			end
		end
	end

endmodule : stream_source

// Compares a stream with the words of a file over and over, and takes them with random pauses.
module stream_sink #(
	int unsigned  WIDTH,
	int unsigned  COUNT,
	parameter  FILE = ""
)(
	input	logic  clk,
	input	logic  rst,
	input	logic [WIDTH-1:0]  dat,
	input	logic  vld,
	output	logic  rdy,
	output	logic [31:0]  different,	// words that differed, or were withdrawn
	output	logic [31:0]  active	// words taken
);
	logic [WIDTH-1:0]  Words[COUNT];
	initial  $readmemh(FILE, Words);

	logic [31:0]  Next;
	logic [7:0]  Rate;
	logic  Offered;
	always_ff @(posedge clk) begin
		if(6'($urandom) == 0)  Rate <= 2'($urandom) == 0? 255 : 8'($urandom);
		rdy <= 8'($urandom) <= Rate;
		if(rst) begin
			Next <= 0;
			Offered <= 0;
		end
		else begin
			Offered <= vld && !rdy;
			if(Offered && !vld)  different <= different + 1;
			if(vld && rdy) begin
				active <= active + 1;
				if(dat != Words[Next])  different <= different + 1;
				Next <= Next == COUNT-1? 0 : Next + 1;
			end
		end
	end

endmodule : stream_sink
