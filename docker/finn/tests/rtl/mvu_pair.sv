// FINN's compute core beside its stand-in, with the same random stimuli.
module mvu_pair #(
	int unsigned  VERSION,
	int unsigned  PE,
	int unsigned  SIMD,
	int unsigned  WEIGHT_WIDTH,
	int unsigned  ACTIVATION_WIDTH,
	bit  SIGNED_ACTIVATIONS,
	bit  NARROW_WEIGHTS,
	int unsigned  MOST = 32,	// products in a row per sum
	int unsigned  ACCU_WIDTH = WEIGHT_WIDTH + ACTIVATION_WIDTH + $clog2(SIMD) + $clog2(MOST) + 1
)(
	input	logic  clk,
	input	logic  rst,
	output	logic [31:0]  different,
	output	logic [31:0]  active	// sums delivered
);
	logic  last, zero;
	logic signed [PE-1:0][SIMD-1:0][WEIGHT_WIDTH-1:0]  w;
	logic [SIMD-1:0][ACTIVATION_WIDTH-1:0]  a;
	logic [7:0]  last_rate, zero_rate;
	logic [31:0]  Taken;
	uwire  vld_f, vld_o;
	uwire signed [PE-1:0][ACCU_WIDTH-1:0]  p_f, p_o;

	finn_mvu #(
		.VERSION(VERSION), .PE(PE), .SIMD(SIMD), .WEIGHT_WIDTH(WEIGHT_WIDTH),
		.ACTIVATION_WIDTH(ACTIVATION_WIDTH), .ACCU_WIDTH(ACCU_WIDTH),
		.SIGNED_ACTIVATIONS(SIGNED_ACTIVATIONS), .NARROW_WEIGHTS(NARROW_WEIGHTS)
	) finn (.clk, .rst, .en('1), .last(last), .zero(zero), .w(w), .a(a), .vld(vld_f), .p(p_f));
	mvu #(
		.VERSION(VERSION), .PE(PE), .SIMD(SIMD), .WEIGHT_WIDTH(WEIGHT_WIDTH),
		.ACTIVATION_WIDTH(ACTIVATION_WIDTH), .ACCU_WIDTH(ACCU_WIDTH),
		.SIGNED_ACTIVATIONS(SIGNED_ACTIVATIONS), .NARROW_WEIGHTS(NARROW_WEIGHTS)
	) ours (.clk, .rst, .en('1), .last(last), .zero(zero), .w(w), .a(a), .vld(vld_o), .p(p_o));

	// Extreme values more often than chance would have them
	function automatic logic [31:0] pick(input int unsigned  bits);
		automatic logic [31:0]  least = 32'd1 << (bits-1);
		case(3'($urandom))
		0: return  least;
		1: return  least - 1;
		2: return  '1;
		default: return  $urandom;
		endcase
	endfunction : pick

	always_ff @(posedge clk) begin
		automatic logic  idle = 8'($urandom) < zero_rate;
		automatic logic  ends = (8'($urandom) < last_rate) || (Taken >= MOST-1);
		zero <= idle;
		last <= !idle && ends;	// as mvu_vvu_axi.sv has it
		Taken <= idle? Taken : ends? 0 : Taken + 1;
		for(int unsigned  pe = 0; pe < PE; pe++) begin
			for(int unsigned  s = 0; s < SIMD; s++) begin
				automatic logic [WEIGHT_WIDTH-1:0]  x = WEIGHT_WIDTH'(pick(WEIGHT_WIDTH));
				automatic logic [WEIGHT_WIDTH-1:0]  least = WEIGHT_WIDTH'(1) << (WEIGHT_WIDTH-1);
				w[pe][s] <= NARROW_WEIGHTS && (x == least)? least + 1 : x;
			end
		end
		for(int unsigned  s = 0; s < SIMD; s++)  a[s] <= ACTIVATION_WIDTH'(pick(ACTIVATION_WIDTH));
		if(7'($urandom) == 0)  last_rate <= 8'($urandom);
		if(7'($urandom) == 0)  zero_rate <= 8'($urandom);
		if(rst) begin
			Taken <= 0;
			last <= 0;
			zero <= 1;
		end
		else begin
			if((vld_f != vld_o) || (vld_f && (p_f != p_o)))  different <= different + 1;
			if(vld_f)  active <= active + 1;
		end
	end

endmodule : mvu_pair
