// FINN's compute core beside another one called mvu, with the same random stimuli.
//
// FINN's takes numbers of two bits and more: one bit is given to it as the number that it stands for.
module mvu_pair #(
	int unsigned  PE,
	int unsigned  SIMD,
	int unsigned  WEIGHT_WIDTH,
	int unsigned  ACTIVATION_WIDTH,
	bit  SIGNED_ACTIVATIONS,
	int unsigned  VERSION = 2,
	bit  NARROW_WEIGHTS = WEIGHT_WIDTH == 1,
	int unsigned  MOST = 32,	// products in a row per sum
	int unsigned  SLACK = 0,	// bits of the sums beyond those that they need
	bit  ENABLE = 0,	// whether the cores are halted now and then
	localparam int unsigned  W_WIDTH = WEIGHT_WIDTH == 1? 2 : WEIGHT_WIDTH,
	localparam int unsigned  A_WIDTH = ACTIVATION_WIDTH == 1? 2 : ACTIVATION_WIDTH,
	parameter int unsigned  ACCU_WIDTH =
		W_WIDTH + A_WIDTH - 32'(SIGNED_ACTIVATIONS) + $clog2(SIMD) + $clog2(MOST) + SLACK
)(
	input	logic  clk,
	input	logic  rst,
	output	logic [31:0]  different,
	output	logic [31:0]  active	// sums delivered
);
	logic  last, zero, en;
	logic [PE-1:0][SIMD-1:0][WEIGHT_WIDTH-1:0]  w;
	logic [SIMD-1:0][ACTIVATION_WIDTH-1:0]  a;
	logic [7:0]  last_rate, zero_rate;
	logic [31:0]  Taken;
	uwire  vld_f, vld_o;
	uwire [PE-1:0][ACCU_WIDTH-1:0]  p_f, p_o;

	uwire [PE-1:0][SIMD-1:0][W_WIDTH-1:0]  w_f;
	uwire [SIMD-1:0][A_WIDTH-1:0]  a_f;
	for(genvar  s = 0; s < SIMD; s++) begin : genInput
		for(genvar  pe = 0; pe < PE; pe++) begin : genWeight
			if(WEIGHT_WIDTH > 1)  assign  w_f[pe][s] = w[pe][s];
			else                  assign  w_f[pe][s] = { !w[pe][s], 1'b1 };
		end : genWeight
		if(ACTIVATION_WIDTH > 1)     assign  a_f[s] = a[s];
		else if(SIGNED_ACTIVATIONS)  assign  a_f[s] = { !a[s], 1'b1 };
		else                         assign  a_f[s] = { 1'b0, a[s] };
	end : genInput

	finn_mvu #(
		.VERSION(VERSION), .PE(PE), .SIMD(SIMD), .WEIGHT_WIDTH(W_WIDTH),
		.ACTIVATION_WIDTH(A_WIDTH), .ACCU_WIDTH(ACCU_WIDTH),
		.SIGNED_ACTIVATIONS(SIGNED_ACTIVATIONS), .NARROW_WEIGHTS(NARROW_WEIGHTS)
	) finn (.clk, .rst, .en(en), .last(last), .zero(zero), .w(w_f), .a(a_f), .vld(vld_f), .p(p_f));
	mvu #(
		.VERSION(VERSION), .PE(PE), .SIMD(SIMD), .WEIGHT_WIDTH(WEIGHT_WIDTH),
		.ACTIVATION_WIDTH(ACTIVATION_WIDTH), .ACCU_WIDTH(ACCU_WIDTH),
		.SIGNED_ACTIVATIONS(SIGNED_ACTIVATIONS), .NARROW_WEIGHTS(NARROW_WEIGHTS)
	) ours (.clk, .rst, .en(en), .last(last), .zero(zero), .w(w), .a(a), .vld(vld_o), .p(p_o));

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
		// What a halted core is offered, it does not take; zeros are offered to a running one only,
		// as FINN's core takes them even where it is halted.
		automatic logic  runs = !ENABLE || (2'($urandom) != 0);
		en <= runs;
		if(!ENABLE || en || rst) begin
			zero <= idle && runs;
			last <= !(idle && runs) && ends;	// as mvu_vvu_axi.sv has it
			Taken <= idle && runs? Taken : ends? 0 : Taken + 1;
			for(int unsigned  pe = 0; pe < PE; pe++) begin
				for(int unsigned  s = 0; s < SIMD; s++) begin
					automatic logic [WEIGHT_WIDTH-1:0]  x = WEIGHT_WIDTH'(pick(WEIGHT_WIDTH));
					automatic logic [WEIGHT_WIDTH-1:0]  least = WEIGHT_WIDTH'(1) << (WEIGHT_WIDTH-1);
					w[pe][s] <= (WEIGHT_WIDTH > 1) && NARROW_WEIGHTS && (x == least)? least + 1 : x;
				end
			end
			for(int unsigned  s = 0; s < SIMD; s++)
				a[s] <= ACTIVATION_WIDTH'(pick(ACTIVATION_WIDTH));
		end
		if(7'($urandom) == 0)  last_rate <= 8'($urandom);
		if(7'($urandom) == 0)  zero_rate <= 8'($urandom);
		if(rst) begin
			Taken <= 0;
			last <= 0;
			zero <= 1;
			en <= 1;
		end
		else if(en) begin
			if((vld_f != vld_o) || (vld_f && (p_f != p_o)))  different <= different + 1;
			if(vld_f)  active <= active + 1;
		end
	end

endmodule : mvu_pair
