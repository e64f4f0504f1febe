// FINN's matrix-vector unit with random stalls on both sides: counts results that are wrong.
//
// Each image is a number, which every output repeats: all weights are 1 and all activations 0 but
// the very first.
module mvu_results #(
	int unsigned  SIMD,
	int unsigned  SF,	// beats per image
	int unsigned  NF	// results per image
)(
	input	logic  clk,
	input	logic  rst,
	output	logic [31:0]  different,
	output	logic [31:0]  active	// results delivered
);
	localparam int unsigned  ACCU_WIDTH = 16;

	logic [7:0]  Image, Expected;
	logic [31:0]  Beat, Result;
	logic  Offer, Accept;
	logic [7:0]  OfferRate, AcceptRate;
	uwire  irdy, ovld;
	uwire [ACCU_WIDTH-1:0]  odat;
	uwire [SIMD-1:0][7:0]  idat = (8*SIMD)'(Beat == 0? Image : 0);
	uwire [SIMD-1:0][1:0]  ones = {SIMD{2'b01}};

	mvu_vvu_axi #(
		.IS_MVU(1), .VERSION(1), .MW(SIMD*SF), .MH(NF), .PE(1), .SIMD(SIMD),
		.ACTIVATION_WIDTH(8), .WEIGHT_WIDTH(2), .ACCU_WIDTH(ACCU_WIDTH), .NARROW_WEIGHTS(1)
	) dut (
		.ap_clk(clk), .ap_clk2x(clk), .ap_rst_n(!rst),
		.s_axis_weights_tdata((8*((2*SIMD+7)/8))'(ones)), .s_axis_weights_tvalid('1), .s_axis_weights_tready(),
		.s_axis_input_tdata(idat), .s_axis_input_tvalid(Offer), .s_axis_input_tready(irdy),
		.m_axis_output_tdata(odat), .m_axis_output_tvalid(ovld), .m_axis_output_tready(Accept)
	);

	// From never to always, and everything between
	function automatic logic [7:0] pick_rate();
		case(2'($urandom))
		0: return  0;
		1: return  255;
		default: return  8'($urandom);
		endcase
	endfunction : pick_rate

	always_ff @(posedge clk) begin
		Accept <= 8'($urandom) <= AcceptRate;
		if(5'($urandom) == 0)  AcceptRate <= pick_rate();
		if(5'($urandom) == 0)  OfferRate <= pick_rate();
		if(rst) begin
			Offer <= 0;
			Image <= 0;
			Beat <= 0;
			Expected <= 0;
			Result <= 0;
		end
		else begin
			if(!Offer || irdy)  Offer <= 8'($urandom) <= OfferRate;
			if(Offer && irdy) begin
				Beat <= Beat == SF-1? 0 : Beat + 1;
				if(Beat == SF-1)  Image <= Image + 1;
			end
			if(ovld && Accept) begin
				active <= active + 1;
				if(odat != ACCU_WIDTH'(Expected))  different <= different + 1;
				Result <= Result == NF-1? 0 : Result + 1;
				if(Result == NF-1)  Expected <= Expected + 1;
			end
		end
	end

endmodule : mvu_results
