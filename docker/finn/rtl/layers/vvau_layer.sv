// Stands for FINN's VVAU (a depthwise convolution), which is RTL on Versal parts only.
//
// Beats come as [C/PE][KERNEL][PE], one a cycle, and every channel has weights of its own. The memory
// holds a word of PE weights for each beat of a pixel. Vitis HLS may add latency; the interval is the same.
module vvau_layer #(
	int unsigned  KERNEL,	// products in a sum
	int unsigned  FOLDS,	// C/PE
	int unsigned  PE,
	int unsigned  IN_BITS,
	int unsigned  WEIGHT_BITS,
	int unsigned  OUT_BITS,
	bit  IN_SIGNED,
	bit  WEIGHT_SIGNED,
	parameter  INIT_FILE = ""
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
	localparam int unsigned  ACCU = IN_BITS + WEIGHT_BITS + $clog2(KERNEL) + 1;

	// The file's words are whole hexadecimal digits.
	logic [(PE*WEIGHT_BITS+3)/4*4-1:0]  Weights[FOLDS*KERNEL];
	initial  $readmemh(INIT_FILE, Weights);

	logic [31:0]  Word, Beat;
	logic signed [PE-1:0][ACCU-1:0]  Accu;
	logic [PE-1:0][OUT_BITS-1:0]  Dat;
	logic  Vld;

	uwire  last = Beat == KERNEL-1;
	uwire  take = ivld && irdy;
	uwire [PE-1:0][WEIGHT_BITS-1:0]  weights = (PE*WEIGHT_BITS)'(Weights[Word]);
	assign	irdy = !last || !Vld || ordy;
	assign	ovld = Vld;
	assign	odat = Dat;

	function automatic logic signed [ACCU-1:0] product(
		input logic [IN_BITS-1:0]  a, input logic [WEIGHT_BITS-1:0]  w
	);
		automatic logic signed [ACCU-1:0]  x = IN_SIGNED? ACCU'($signed(a)) : ACCU'(a);
		automatic logic signed [ACCU-1:0]  y = WEIGHT_SIGNED? ACCU'($signed(w)) : ACCU'(w);
		return  x * y;
	endfunction : product

	always_ff @(posedge clk) begin
		if(rst) begin
			Word <= 0;
			Beat <= 0;
			Accu <= '0;
			Dat <= '0;
			Vld <= 0;
		end
		else begin
			if(ordy)  Vld <= 0;
			if(take) begin
				Word <= Word == FOLDS*KERNEL-1? 0 : Word + 1;
				Beat <= last? 0 : Beat + 1;
				for(int unsigned  pe = 0; pe < PE; pe++) begin
					automatic logic signed [ACCU-1:0]  sum =
						product(idat[pe], weights[pe]) + (Beat == 0? '0 : $signed(Accu[pe]));
					Accu[pe] <= sum;
					if(last)  Dat[pe] <= OUT_BITS'(sum);
				end
				if(last)  Vld <= 1;
			end
		end
	end

endmodule : vvau_layer
