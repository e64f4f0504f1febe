// FINN's thresholding core beside its stand-in, with the same random stimuli.
module thresholding_pair #(
	int unsigned  K,
	int unsigned  N,
	int unsigned  C,
	int unsigned  PE,
	bit  SIGNED,
	int  BIAS,
	bit  DEEP_PIPELINE,
	parameter  THRESHOLDS_PATH = "",

	localparam int unsigned  O_BITS = BIAS >= 0?
		$clog2(N+BIAS+1) :
		1+$clog2(-BIAS >= N+BIAS+1? -BIAS : N+BIAS+1)
)(
	input	logic  clk,
	input	logic  rst,
	output	logic [31:0]  different,
	output	logic [31:0]  active
);
	logic  ivld, ordy;
	logic [PE-1:0][K-1:0]  idat;
	logic [7:0]  in_rate, out_rate;
	uwire  irdy_f, ovld_f, irdy_o, ovld_o;
	uwire [PE-1:0][O_BITS-1:0]  odat_f, odat_o;

	finn_thresholding #(
		.K(K), .N(N), .C(C), .PE(PE), .SIGNED(SIGNED), .BIAS(BIAS), .USE_CONFIG(0),
		.THRESHOLDS_PATH(THRESHOLDS_PATH), .DEEP_PIPELINE(DEEP_PIPELINE)
	) finn (
		.clk, .rst, .cfg_en('0), .cfg_we('0), .cfg_a('0), .cfg_d('0), .cfg_rack(), .cfg_q(), .iset('0),
		.irdy(irdy_f), .ivld(ivld), .idat(idat), .ordy(ordy), .ovld(ovld_f), .odat(odat_f)
	);
	thresholding #(
		.K(K), .N(N), .C(C), .PE(PE), .SIGNED(SIGNED), .BIAS(BIAS), .USE_CONFIG(0),
		.THRESHOLDS_PATH(THRESHOLDS_PATH), .DEEP_PIPELINE(DEEP_PIPELINE)
	) ours (
		.clk, .rst, .cfg_en('0), .cfg_we('0), .cfg_a('0), .cfg_d('0), .cfg_rack(), .cfg_q(), .iset('0),
		.irdy(irdy_o), .ivld(ivld), .idat(idat), .ordy(ordy), .ovld(ovld_o), .odat(odat_o)
	);

	always_ff @(posedge clk) begin
		ivld <= 8'($urandom) < in_rate;
		ordy <= 8'($urandom) < out_rate;
		for(int unsigned  pe = 0; pe < PE; pe++)  idat[pe] <= K'({ $urandom, $urandom });
		if(7'($urandom) == 0)  in_rate <= 8'($urandom);
		if(7'($urandom) == 0)  out_rate <= 8'($urandom);
		if(!rst) begin
			if((irdy_f != irdy_o) || (ovld_f != ovld_o) || (ovld_f && (odat_f != odat_o)))  different <= different + 1;
			if(ovld_f && ordy)  active <= active + 1;
		end
	end

endmodule : thresholding_pair
