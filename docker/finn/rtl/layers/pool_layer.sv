// Stands for FINN's Pool, which exists in HLS only: KERNEL beats become one, channel by channel.
//
// Beats come as [C/PE][KERNEL][PE], one a cycle. Vitis HLS may add latency; the interval is the same.
module pool_layer #(
	int unsigned  KERNEL,	// beats that become one
	int unsigned  PE,	// channels in parallel
	int unsigned  IN_BITS,
	int unsigned  OUT_BITS,
	bit  SIGNED,
	bit  MAXIMUM,	// else the sum
	int unsigned  SHIFT	// of the sum, to the right
)(
	input	logic  clk,
	input	logic  rst,

	input	logic [PE-1:0][IN_BITS-1:0]  idat,
	input	logic  ivld,
	output	logic  irdy,

	output	logic [PE-1:0][OUT_BITS-1:0]  odat,
	output	logic  ovld,
	input	logic  ordy
);
	localparam int unsigned  ACCU = IN_BITS + $clog2(KERNEL) + 1;	// holds any sum, with a sign

	logic [31:0]  Beat;
	logic signed [PE-1:0][ACCU-1:0]  Accu;
	logic [PE-1:0][OUT_BITS-1:0]  Dat;
	logic  Vld;

	uwire  last = Beat == KERNEL-1;
	uwire  take = ivld && irdy;
	assign	irdy = !last || !Vld || ordy;
	assign	ovld = Vld;
	assign	odat = Dat;

	function automatic logic signed [ACCU-1:0] merge(
		input logic  first, input logic signed [ACCU-1:0]  a, input logic [IN_BITS-1:0]  b
	);
		automatic logic signed [ACCU-1:0]  x = SIGNED? ACCU'($signed(b)) : ACCU'(b);
		if(first)  return  x;
		if(MAXIMUM)  return  a > x? a : x;
		return  a + x;
	endfunction : merge

	always_ff @(posedge clk) begin
		if(rst) begin
			Beat <= 0;
			Accu <= '0;
			Dat <= '0;
			Vld <= 0;
		end
		else begin
			if(ordy)  Vld <= 0;
			if(take) begin
				Beat <= last? 0 : Beat + 1;
				for(int unsigned  pe = 0; pe < PE; pe++) begin
					automatic logic signed [ACCU-1:0]  merged = merge(Beat == 0, $signed(Accu[pe]), idat[pe]);
					Accu[pe] <= merged;
					if(last)  Dat[pe] <= OUT_BITS'(merged >>> SHIFT);
				end
				if(last)  Vld <= 1;
			end
		end
	end

endmodule : pool_layer
