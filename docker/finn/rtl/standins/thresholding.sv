// Stands in for FINN's thresholding.sv where thresholds are constant integers (one set).
//
// FINN's module spreads a binary search over a pipeline. This one searches when an input arrives
// and lets the result wait for as long as it would have travelled through that pipeline.
module thresholding #(
	int unsigned  K,  // input and threshold precision
	int unsigned  N,  // number of thresholds
	int unsigned  C,  // number of channels
	int unsigned  PE, // channels in parallel

	bit  SIGNED = 1,
	bit  FPARG  = 0,
	int  BIAS   = 0,  // added to the number of thresholds reached

	int unsigned  SETS = 1,

	parameter  THRESHOLDS_PATH = "",
	bit  USE_CONFIG = 1,

	int unsigned  DEPTH_TRIGGER_URAM = 0,
	int unsigned  DEPTH_TRIGGER_BRAM = 0,
	bit  DEEP_PIPELINE = 0,

	localparam int unsigned  CF = C/PE,
	localparam int unsigned  S_BITS = SETS > 2? $clog2(SETS) : 1,
	localparam int unsigned  O_BITS = BIAS >= 0?
		$clog2(N+BIAS+1) :
		1+$clog2(-BIAS >= N+BIAS+1? -BIAS : N+BIAS+1)
)(
	input	logic  clk,
	input	logic  rst,

	input	logic  cfg_en,
	input	logic  cfg_we,
	input	logic [$clog2(SETS)+$clog2(CF)+$clog2(PE)+$clog2(N)-1:0]  cfg_a,
	input	logic [K-1:0]  cfg_d,
	output	logic  cfg_rack,
	output	logic [K-1:0]  cfg_q,

	output	logic  irdy,
	input	logic  ivld,
	input	logic [S_BITS-1:0]     iset,
	input	logic [PE-1:0][K-1:0]  idat,

	input	logic  ordy,
	output	logic  ovld,
	output	logic [PE-1:0][O_BITS-1:0]  odat
);
	// As finn_worker/rtl/standins.py has it
	if(SETS != 1)  $error("thresholding stand-in: only one set of thresholds.");
	if((N < 1) || (N > 65535))  $error("thresholding stand-in: 1 to 65535 thresholds per channel.");
	if((K < 2) || (K > 64))  $error("thresholding stand-in: thresholds have 2 to 64 bits.");
	if(FPARG)  $error("thresholding stand-in: no floating-point inputs.");
	if(USE_CONFIG)  $error("thresholding stand-in: no thresholds that are written at run time.");
	if(CF*PE != C)  $error("thresholding stand-in: PE does not divide the number of channels.");

	localparam int unsigned  M = $clog2(N+1);	// steps of the search
	localparam int unsigned  LATENCY = (DEEP_PIPELINE+1)*M;	// from input to output queue
	localparam int unsigned  PENDING = LATENCY + 3;	// inputs that may be on their way
	localparam int unsigned  ROWS = CF * 2**(M-1);	// thresholds that the last step chooses from

	// Step s of the search chooses among 2**s thresholds per channel: table (pe, s) starts at
	// (pe*M + s)*ROWS and holds those of the first channel, then those of the second, ...
	logic [K-1:0]  Thresholds[PE*M*ROWS];
	initial begin
		for(int unsigned  pe = 0; pe < PE; pe++) begin
			for(int unsigned  s = 0; s < M; s++) begin
				$readmemh($sformatf("%sthreshs_%0d_%0d.dat", THRESHOLDS_PATH, pe, s),
					Thresholds, (pe*M + s)*ROWS, (pe*M + s)*ROWS + CF*2**s - 1);
			end
		end
	end

	function automatic logic [M-1:0] search(input int unsigned  pe, input int unsigned  channel, input logic [K-1:0]  x);
		automatic int unsigned  found = 0;	// bits of the result so far
		for(int unsigned  s = 0; s < M; s++) begin
			// Fewer thresholds than the search could tell apart: the others are never reached.
			automatic int unsigned  reachable = 2**s - ((2**(M-s-1) + 2**M-1-N) >> (M-s));
			automatic logic [K-1:0]  t = Thresholds[(pe*M + s)*ROWS + channel*2**s + found];
			automatic logic  reached = SIGNED? $signed(t) <= $signed(x) : t <= x;
			found = 2*found + int'(reached && (found < reachable));
		end
		return  M'(found);
	endfunction : search

	// Results, from when they are computed until they are delivered
	localparam int unsigned  ABITS = $clog2(PENDING);
	logic [PE-1:0][O_BITS-1:0]  Queue[2**ABITS];
	logic [ABITS-1:0]  Wr, Rd;

	logic [ABITS:0]  Pending;	// inputs taken and not delivered
	logic [ABITS:0]  Waiting;	// results in FINN's output queue
	logic [LATENCY-1:0]  Travelling;	// results in FINN's pipeline
	logic  Vld;
	logic [PE-1:0][O_BITS-1:0]  Dat;
	logic [31:0]  Channel;	// fold of the channels to come

	uwire  take = ivld && irdy;
	uwire  arrive = Travelling[LATENCY-1];
	uwire  load = !Vld || ordy;
	uwire  pop = load && (Waiting != 0);

	assign	irdy = Pending != (ABITS+1)'(PENDING);
	assign	ovld = Vld;
	assign	odat = Dat;
	assign	cfg_rack = 0;
	assign	cfg_q = '0;

	always_ff @(posedge clk) begin
		if(rst) begin
			Wr <= 0;
			Rd <= 0;
			Pending <= 0;
			Waiting <= 0;
			Travelling <= 0;
			Vld <= 0;
			Channel <= 0;
		end
		// In other cycles, nothing changes.
		else if(take || (Travelling != 0) || (Vld? ordy : Waiting != 0)) begin
			if(take) begin
				automatic logic [PE-1:0][O_BITS-1:0]  result;
				for(int unsigned  pe = 0; pe < PE; pe++) begin
					result[pe] = O_BITS'(search(pe, Channel, idat[pe]) + BIAS);
				end
				Queue[Wr] = result;
				Wr <= Wr == ABITS'(PENDING-1)? 0 : Wr + 1;
				Channel <= Channel == CF-1? 0 : Channel + 1;
			end
			if(pop) begin
				Dat <= Queue[Rd];
				Rd <= Rd == ABITS'(PENDING-1)? 0 : Rd + 1;
			end
			if(load)  Vld <= pop;
			Travelling <= (Travelling << 1) | LATENCY'(take);
			if(arrive != pop)  Waiting <= arrive? Waiting + 1 : Waiting - 1;
			if(take != (Vld && ordy))  Pending <= take? Pending + 1 : Pending - 1;
		end
	end

endmodule : thresholding
