// FINN's FIFO beside ours, with the same random stimuli.
module fifo_pair #(
	int unsigned  DEPTH,
	int unsigned  WIDTH,
	int unsigned  OUR_DEPTH = DEPTH,
	int unsigned  MAX_DEPTH = 2028,
	int unsigned  CHANGE = 10	// rates change about every 2**CHANGE cycles
)(
	input	logic  clk,
	input	logic  rst,
	output	logic [31:0]  different,	// cycles in which they differed
	output	logic [31:0]  active	// items delivered
);
	logic [WIDTH-1:0]  dat;
	logic  ivld, ordy;
	logic [7:0]  in_rate, out_rate;	// of 256, changing so that FIFOs fill up and run empty

	uwire  irdy_f, ovld_f, irdy_o, ovld_o;
	uwire [WIDTH-1:0]  odat_f, odat_o;
	uwire [$clog2(DEPTH+1):0]  count, maxcount;

	fifo #(.DEPTH(DEPTH), .DATA_WIDTH(WIDTH)) finn (
		.clk, .rst, .count(count), .maxcount(maxcount),
		.idat(dat), .ivld(ivld), .irdy(irdy_f), .odat(odat_f), .ovld(ovld_f), .ordy(ordy)
	);
	stream_fifo #(.WIDTH(WIDTH), .MAX_DEPTH(MAX_DEPTH)) ours (
		.clk, .rst, .depth(OUR_DEPTH),
		.idat(dat), .ivld(ivld), .irdy(irdy_o), .odat(odat_o), .ovld(ovld_o), .ordy(ordy)
	);

	always_ff @(posedge clk) begin
		ivld <= 8'($urandom) < in_rate;
		ordy <= 8'($urandom) < out_rate;
		for(int unsigned  i = 0; i < WIDTH; i++)  dat[i] <= 1'($urandom);
		if(CHANGE'($urandom) == 0)  in_rate <= 8'($urandom);
		if(CHANGE'($urandom) == 0)  out_rate <= 8'($urandom);
		if(rst) begin
			if(in_rate == 0) begin
				in_rate <= 250;
				out_rate <= 20;
			end
		end
		else begin
			if((irdy_f != irdy_o) || (ovld_f != ovld_o) || (ovld_f && (odat_f != odat_o)) || (32'(count) != ours.Fill) || (32'(maxcount) != ours.Peak))  different <= different + 1;
			if(ovld_f && ordy)  active <= active + 1;
		end
	end

endmodule : fifo_pair
