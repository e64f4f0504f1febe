// Stands in for FINN's mvu.sv (DSP48E1, DSP48E2): the same dot products in the same cycles.
//
// FINN's module computes in lanes of DSP slices and sums them in a pipelined tree. This one leaves
// the sums to C++ (mvu_core.h), where they are many times faster than as Verilator's
// translation of the slices, and delays them for as long as they would have travelled.
module mvu #(
	int unsigned  VERSION = 1,

	int unsigned  PE,
	int unsigned  SIMD,
	int unsigned  WEIGHT_WIDTH,
	int unsigned  ACTIVATION_WIDTH,
	int unsigned  ACCU_WIDTH,

	bit  SIGNED_ACTIVATIONS = 0,
	bit  NARROW_WEIGHTS   = 0,
	bit  FORCE_BEHAVIORAL = 0
)(
	input	logic  clk,
	input	logic  rst,
	input	logic  en,

	input	logic  last,
	input	logic  zero,
	input	logic signed [PE-1:0][SIMD-1:0][WEIGHT_WIDTH    -1:0]  w,
	input	logic                [SIMD-1:0][ACTIVATION_WIDTH-1:0]  a,

	output	logic  vld,
	output	logic signed [PE-1:0][ACCU_WIDTH-1:0]  p
);
	// As finn_worker/rtl/standins.py has it
	if((VERSION < 1) || (VERSION > 2))  $error("mvu stand-in: only DSP48E1 and DSP48E2.");
	if((WEIGHT_WIDTH < 2) || (WEIGHT_WIDTH > 16))  $error("mvu stand-in: weights have 2 to 16 bits.");
	if((ACTIVATION_WIDTH < 2) || (ACTIVATION_WIDTH + 32'(!SIGNED_ACTIVATIONS) > 16))
		$error("mvu stand-in: activations have 2 to 16 bits with a sign.");
	if((ACCU_WIDTH < 3) || (ACCU_WIDTH > 48))  $error("mvu stand-in: sums have 3 to 48 bits.");

	localparam int unsigned  LATENCY = 3 + $clog2(SIMD) + (SIMD == 1) + 1;

	/* verilator tracing_off */
	longint  Core;	// address of the C++ object: another one in every run; 0: no sums are asked for
	/* verilator tracing_on */
	initial begin
		Core = $c64("new_mvu_core(", PE, ",", SIMD, ",", WEIGHT_WIDTH, ",", ACTIVATION_WIDTH, ",",
			32'(SIGNED_ACTIVATIONS), ",", LATENCY, ")");
	end

	logic [LATENCY-1:0]  Travelling;	// results on their way
	logic signed [PE-1:0][ACCU_WIDTH-1:0]  P;
	assign	vld = Travelling[LATENCY-1];
	assign	p = P;

	always_ff @(posedge clk) begin
		if(rst) begin
			if(Core != 0)  $c("reset_mvu_core(", Core, ");");
			Travelling <= 0;
		end
		else if(en) begin
			if(!zero && (Core != 0))  $c("step_mvu_core(", Core, ",", w, ",", a, ");");
			if(last && (Core != 0))  $c("end_mvu_core(", Core, ");");
			Travelling <= { Travelling[LATENCY-2:0], last };
			if(Travelling[LATENCY-2] && (Core != 0)) begin
				for(int unsigned  pe = 0; pe < PE; pe++) begin
					P[pe] <= ACCU_WIDTH'($c64("read_mvu_core(", Core, ",", pe, ")"));
				end
				$c("next_mvu_core(", Core, ");");
			end
		end
	end

endmodule : mvu
