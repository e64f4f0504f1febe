// FINN's weight memory beside its stand-in, with the same random back-pressure.
module memstream_pair #(
	int unsigned  DEPTH,
	int unsigned  WIDTH,
	parameter  INIT_FILE = ""
)(
	input	logic  clk,
	input	logic  rst,
	output	logic [31:0]  different,
	output	logic [31:0]  active
);
	logic  ordy;
	logic [7:0]  rate;
	uwire  ovld_f, ovld_o;
	uwire [WIDTH-1:0]  odat_f, odat_o;

	finn_memstream #(.SETS(1), .DEPTH(DEPTH), .WIDTH(WIDTH), .INIT_FILE(INIT_FILE)) finn (
		.clk, .rst, .config_ce('0), .config_we('0), .config_address('0), .config_d0('0),
		.config_rack(), .config_q0(), .sidx('0), .svld('0), .srdy(),
		.ordy(ordy), .ovld(ovld_f), .odat(odat_f)
	);
	memstream #(.SETS(1), .DEPTH(DEPTH), .WIDTH(WIDTH), .INIT_FILE(INIT_FILE)) ours (
		.clk, .rst, .config_ce('0), .config_we('0), .config_address('0), .config_d0('0),
		.config_rack(), .config_q0(), .sidx('0), .svld('0), .srdy(),
		.ordy(ordy), .ovld(ovld_o), .odat(odat_o)
	);

	always_ff @(posedge clk) begin
		ordy <= 8'($urandom) <= rate;
		if(7'($urandom) == 0)  rate <= 4'($urandom) < 8? 8'hFF : 8'($urandom);
		if(!rst) begin
			if((ovld_f != ovld_o) || (ovld_f && (odat_f != odat_o)))  different <= different + 1;
			if(ovld_f && ordy)  active <= active + 1;
		end
	end

endmodule : memstream_pair
