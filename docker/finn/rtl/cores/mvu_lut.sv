// A matrix-vector core of LUTs and carry chains: the ports and the cycles of FINN's mvu.sv, which
// computes in DSP slices. This one is bench's, and none of FINN's.
//
// A product is a sum over the bits of one factor: each bit lets the other factor through, or not.
// So for each bit ("plane") of the factor that has fewer of them, a tree adds up what the bit lets
// through of all SIMD inputs; the first additions take the masks into the LUTs of their carry
// chains. Only then, once for each PE, the planes are put together, and the sum is accumulated.
//
// Codes, as FINN has them: numbers of two bits and more are two's complement, of activations also
// unsigned. A weight of one bit is -1 or +1 (0 or 1), and so is a signed activation of one bit; an
// unsigned one is 0 or 1.

// The sum of N terms that masks let through, clog2(N) cycles later. The tree is balanced: a term
// that has no partner waits in the first cycle, where it is narrowest.
module mvu_lut_sum #(
	int unsigned  N,
	int unsigned  TERM_WIDTH,
	bit  SIGNED,
	int unsigned  SUM_WIDTH	// the sum is taken modulo 2**SUM_WIDTH
)(
	input	logic  clk,
	input	logic  en,
	input	logic [N-1:0]  mask,
	input	logic [N-1:0][TERM_WIDTH-1:0]  term,
	output	logic [SUM_WIDTH-1:0]  sum
);
	localparam int unsigned  LEVELS = $clog2(N);
	localparam int unsigned  EXTENSION = SUM_WIDTH > TERM_WIDTH? SUM_WIDTH : TERM_WIDTH;

	// Bits that the sum of some terms needs
	function automatic int unsigned width(input int unsigned  count);
		automatic int unsigned  needed = SIGNED? TERM_WIDTH + $clog2(count)
			: $clog2(count * ((1 << TERM_WIDTH) - 1) + 1);
		return  needed < SUM_WIDTH? needed : SUM_WIDTH;
	endfunction : width

	// Node n of level l, both counted from 0, adds up the terms from first(l, n) to before
	// first(l, n+1): on the last level there are as many nodes as terms, or more.
	function automatic int unsigned first(input int unsigned  level, input int unsigned  node);
		return  node * N / (1 << level);
	endfunction : first

	uwire [SUM_WIDTH-1:0]  node[(2 << LEVELS) - 1];
	for(genvar  l = 0; l <= LEVELS; l++) begin : genLevel
		for(genvar  n = 0; n < (1 << l); n++) begin : genNode
			localparam int unsigned  HERE = (1 << l) - 1 + n;
			localparam int unsigned  FIRST = first(l, n);
			localparam int unsigned  COUNT = first(l, n+1) - FIRST;
			if(COUNT == 0)  assign  node[HERE] = '0;
			else if(l == LEVELS) begin : genTerm
				uwire [EXTENSION-1:0]  extended =
					EXTENSION'({ {(EXTENSION){SIGNED && term[FIRST][TERM_WIDTH-1]}}, term[FIRST] });
				assign  node[HERE] = extended[SUM_WIDTH-1:0] & {(SUM_WIDTH){mask[FIRST]}};
			end : genTerm
			else begin : genSum
				localparam int unsigned  WIDTH = width(COUNT);
				localparam int unsigned  LEFT = (2 << l) - 1 + 2*n;
				logic [WIDTH-1:0]  Sum;
				always_ff @(posedge clk) begin
					if(en)  Sum <= node[LEFT][WIDTH-1:0] + node[LEFT+1][WIDTH-1:0];
				end
				assign  node[HERE] = SUM_WIDTH'({ {(SUM_WIDTH){SIGNED && Sum[WIDTH-1]}}, Sum });
			end : genSum
		end : genNode
	end : genLevel
	assign  sum = node[0];

endmodule : mvu_lut_sum

// The sum of `planes` that have the weights 1, 2, 4 and so on, clog2(PLANES) cycles later; the last
// one of several is subtracted where NEGATIVE.
module mvu_lut_planes #(
	int unsigned  PLANES,
	int unsigned  PLANE_WIDTH,
	bit  SIGNED,
	bit  NEGATIVE,
	int unsigned  SUM_WIDTH	// PLANE_WIDTH + PLANES, or PLANE_WIDTH of one plane
)(
	input	logic  clk,
	input	logic  en,
	input	logic [PLANES-1:0][PLANE_WIDTH-1:0]  planes,
	output	logic [SUM_WIDTH-1:0]  sum
);
	localparam int unsigned  LEVELS = $clog2(PLANES);

	// Node n of level l adds up 2**l planes, or what is left of them.
	function automatic int unsigned nodes(input int unsigned  level);
		return  (PLANES + (1 << level) - 1) >> level;
	endfunction : nodes
	function automatic int unsigned held(input int unsigned  level, input int unsigned  n);
		automatic int unsigned  left = PLANES - (n << level);
		return  left < (1 << level)? left : 1 << level;
	endfunction : held

	uwire [SUM_WIDTH-1:0]  node[LEVELS+1][PLANES];
	for(genvar  l = 0; l <= LEVELS; l++) begin : genLevel
		for(genvar  n = 0; n < nodes(l); n++) begin : genNode
			localparam int unsigned  COUNT = held(l, n);
			// Of several planes with the subtracted one, the sum has a sign; alone, it keeps its own.
			localparam bit  LAST = n == nodes(l) - 1;
			localparam bit  SIGN = SIGNED || (NEGATIVE && LAST && (COUNT > 1));
			localparam int unsigned  WIDTH = COUNT > 1? PLANE_WIDTH + COUNT : PLANE_WIDTH;
			uwire [WIDTH-1:0]  value;
			if(l == 0)  assign  value = planes[n];
			else begin : genRegister
				logic [WIDTH-1:0]  Value;
				localparam int unsigned  SHIFT = 1 << (l-1);
				if(COUNT > SHIFT) begin : genSum
					localparam bit  MINUS = NEGATIVE && LAST && (COUNT == SHIFT + 1);
					uwire [WIDTH-SHIFT-1:0]  low = node[l-1][2*n][WIDTH-1:SHIFT];
					uwire [WIDTH-SHIFT-1:0]  high = node[l-1][2*n+1][WIDTH-SHIFT-1:0];
					always_ff @(posedge clk) begin
						if(en) begin
							Value <= { MINUS? low - high : low + high, node[l-1][2*n][SHIFT-1:0] };
						end
					end
				end : genSum
				else begin : genWait
					always_ff @(posedge clk)  if(en)  Value <= node[l-1][2*n][WIDTH-1:0];
				end : genWait
				assign  value = Value;
			end : genRegister
			assign  node[l][n] = SUM_WIDTH'({ {(SUM_WIDTH){SIGN && value[WIDTH-1]}}, value });
		end : genNode
	end : genLevel
	assign  sum = node[LEVELS][0];

endmodule : mvu_lut_planes

module mvu_lut #(
	int unsigned  VERSION = 1,	// ignored, as are all parameters that concern DSP slices

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

	input	logic  last,	// never together with zero, as mvu_vvu_axi.sv has it
	input	logic  zero,
	input	logic [PE-1:0][SIMD-1:0][WEIGHT_WIDTH    -1:0]  w,
	input	logic         [SIMD-1:0][ACTIVATION_WIDTH-1:0]  a,

	output	logic  vld,
	output	logic [PE-1:0][ACCU_WIDTH-1:0]  p
);
	if((WEIGHT_WIDTH < 1) || (WEIGHT_WIDTH > 8))  $error("mvu_lut: weights have 1 to 8 bits.");
	if((ACTIVATION_WIDTH < 1) || (ACTIVATION_WIDTH > 8))
		$error("mvu_lut: activations have 1 to 8 bits.");

	localparam bit  BIPOLAR_WEIGHTS = WEIGHT_WIDTH == 1;
	localparam bit  BIPOLAR_ACTIVATIONS = SIGNED_ACTIVATIONS && (ACTIVATION_WIDTH == 1);
	localparam bit  XNOR = BIPOLAR_WEIGHTS && BIPOLAR_ACTIVATIONS;

	// Activations whose bits have weights: -1 and +1 become two's complement.
	localparam int unsigned  A_WIDTH = BIPOLAR_ACTIVATIONS? 2 : ACTIVATION_WIDTH;
	uwire [SIMD-1:0][A_WIDTH-1:0]  aa;
	for(genvar  s = 0; s < SIMD; s++) begin : genActivation
		if(BIPOLAR_ACTIVATIONS)  assign  aa[s] = { !a[s][0], 1'b1 };
		else                     assign  aa[s] = a[s];
	end : genActivation

	// Which factor's bits are the planes, and what they let through
	localparam bit  BY_WEIGHTS = BIPOLAR_WEIGHTS || (WEIGHT_WIDTH <= A_WIDTH);
	localparam int unsigned  PLANES = BY_WEIGHTS? WEIGHT_WIDTH : A_WIDTH;
	localparam int unsigned  TERM_WIDTH = XNOR? 1 : BY_WEIGHTS? A_WIDTH : WEIGHT_WIDTH;
	localparam bit  TERM_SIGNED = !XNOR && (!BY_WEIGHTS || SIGNED_ACTIVATIONS);
	localparam bit  TOP_NEGATIVE = BY_WEIGHTS? !BIPOLAR_WEIGHTS : SIGNED_ACTIVATIONS;
	localparam int unsigned  PLANE_WIDTH =
		TERM_SIGNED? TERM_WIDTH + $clog2(SIMD) : $clog2(SIMD * ((1 << TERM_WIDTH) - 1) + 1);
	localparam bit  TOTAL_SIGNED = TERM_SIGNED || TOP_NEGATIVE || BIPOLAR_WEIGHTS;
	localparam int unsigned  TOTAL_WIDTH =
		BIPOLAR_WEIGHTS? PLANE_WIDTH + 1 : PLANES > 1? PLANE_WIDTH + PLANES : PLANE_WIDTH;

	// The cycles of FINN's core, and what is left of them: no more than two registers in a row, so
	// that they stay flip-flops.
	localparam int unsigned  DEPTH = 3 + $clog2(SIMD) + (SIMD == 1) + 1;
	localparam int unsigned  PUT_TOGETHER = BIPOLAR_WEIGHTS? 1 : $clog2(PLANES);
	localparam int unsigned  SPARE = DEPTH - $clog2(SIMD) - PUT_TOGETHER - 1;
	localparam int unsigned  AHEAD = SPARE > 3? 2 : SPARE > 0? 1 : 0;
	localparam int unsigned  BEHIND = SPARE - AHEAD;
	localparam int unsigned  LEAD = DEPTH - BEHIND - 1;	// cycles up to the accumulators

	logic [DEPTH:1]  Last;
	logic [LEAD:1]  Busy;
	logic  First;	// the next sum is the first one of a result
	always_ff @(posedge clk) begin
		if(rst) begin
			Last <= '0;
			Busy <= '0;
			First <= 1;
		end
		else if(en) begin
			Last <= DEPTH'({ Last, last });
			Busy <= LEAD'({ Busy, !zero });
			if(Busy[LEAD])  First <= Last[LEAD];
		end
	end
	assign  vld = Last[DEPTH];

	// Where weights are -1 and +1: what is to be subtracted from twice the sum of those of +1
	uwire [PLANE_WIDTH-1:0]  all;
	if(XNOR)  assign  all = PLANE_WIDTH'(SIMD);
	else if(BIPOLAR_WEIGHTS) begin : genAll
		mvu_lut_sum #(
			.N(SIMD), .TERM_WIDTH(TERM_WIDTH), .SIGNED(TERM_SIGNED), .SUM_WIDTH(PLANE_WIDTH)
		) sum (.clk, .en, .mask('1), .term(aa), .sum(all));
	end : genAll
	else  assign  all = '0;

	for(genvar  pe = 0; pe < PE; pe++) begin : genPE
		uwire [PLANES-1:0][PLANE_WIDTH-1:0]  planes;
		for(genvar  b = 0; b < PLANES; b++) begin : genPlane
			uwire [SIMD-1:0]  mask;
			uwire [SIMD-1:0][TERM_WIDTH-1:0]  term;
			for(genvar  s = 0; s < SIMD; s++) begin : genTerm
				if(XNOR) begin : genXnor
					assign  mask[s] = w[pe][s][0] == a[s][0];
					assign  term[s] = '1;
				end : genXnor
				else if(BY_WEIGHTS) begin : genWeights
					assign  mask[s] = w[pe][s][b];
					assign  term[s] = aa[s];
				end : genWeights
				else begin : genActivations
					assign  mask[s] = aa[s][b];
					assign  term[s] = w[pe][s];
				end : genActivations
			end : genTerm
			mvu_lut_sum #(
				.N(SIMD), .TERM_WIDTH(TERM_WIDTH), .SIGNED(TERM_SIGNED), .SUM_WIDTH(PLANE_WIDTH)
			) sum (.clk, .en, .mask, .term, .sum(planes[b]));
		end : genPlane

		uwire [TOTAL_WIDTH-1:0]  total;
		if(BIPOLAR_WEIGHTS) begin : genBipolar
			logic [TOTAL_WIDTH-1:0]  Total;
			uwire  sign = TERM_SIGNED && all[PLANE_WIDTH-1];
			always_ff @(posedge clk) begin
				if(en)  Total <= { planes[0], 1'b0 } - { sign, all };
			end
			assign  total = Total;
		end : genBipolar
		else begin : genPlanes
			mvu_lut_planes #(
				.PLANES(PLANES), .PLANE_WIDTH(PLANE_WIDTH), .SIGNED(TERM_SIGNED),
				.NEGATIVE(TOP_NEGATIVE), .SUM_WIDTH(TOTAL_WIDTH)
			) sum (.clk, .en, .planes, .sum(total));
		end : genPlanes

		uwire [TOTAL_WIDTH-1:0]  ahead;
		mvu_lut_wait #(.CYCLES(AHEAD), .WIDTH(TOTAL_WIDTH)) wait_ahead (
			.clk, .en, .in(total), .out(ahead)
		);
		// Sums are right modulo 2**ACCU_WIDTH, and results fit.
		uwire [ACCU_WIDTH-1:0]  extended;
		if(ACCU_WIDTH <= TOTAL_WIDTH)  assign  extended = ahead[ACCU_WIDTH-1:0];
		else assign  extended =
			{ {(ACCU_WIDTH-TOTAL_WIDTH){TOTAL_SIGNED && ahead[TOTAL_WIDTH-1]}}, ahead };
		logic [ACCU_WIDTH-1:0]  Sum;
		always_ff @(posedge clk) begin
			if(en && Busy[LEAD])  Sum <= extended + (First? '0 : Sum);
		end
		mvu_lut_wait #(.CYCLES(BEHIND), .WIDTH(ACCU_WIDTH)) wait_behind (
			.clk, .en, .in(Sum), .out(p[pe])
		);
	end : genPE

endmodule : mvu_lut

// A word some cycles later.
module mvu_lut_wait #(
	int unsigned  CYCLES,
	int unsigned  WIDTH
)(
	input	logic  clk,
	input	logic  en,
	input	logic [WIDTH-1:0]  in,
	output	logic [WIDTH-1:0]  out
);
	uwire [CYCLES:0][WIDTH-1:0]  word;
	assign  word[0] = in;
	for(genvar  c = 1; c <= CYCLES; c++) begin : genCycle
		logic [WIDTH-1:0]  Word;
		always_ff @(posedge clk)  if(en)  Word <= word[c-1];
		assign  word[c] = Word;
	end : genCycle
	assign  out = word[CYCLES];

endmodule : mvu_lut_wait
