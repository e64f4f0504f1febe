// Stands for FINN's ElementwiseAdd of two streams, which is HLS unless a part is Versal.
module elementwise_add_layer #(
	int unsigned  PE,
	int unsigned  LEFT_BITS,
	int unsigned  RIGHT_BITS,
	int unsigned  OUT_BITS,
	bit  LEFT_SIGNED,
	bit  RIGHT_SIGNED
)(
	input	logic  clk,
	input	logic  rst,

	input	logic [PE-1:0][LEFT_BITS-1:0]  ldat,
	input	logic  lvld,
	output	logic  lrdy,

	input	logic [PE-1:0][RIGHT_BITS-1:0]  rdat,
	input	logic  rvld,
	output	logic  rrdy,

	output	logic [PE-1:0][OUT_BITS-1:0]  odat,
	output	logic  ovld,
	input	logic  ordy
);
	localparam int unsigned  SUM = (LEFT_BITS > RIGHT_BITS? LEFT_BITS : RIGHT_BITS) + 2;

	logic [PE-1:0][OUT_BITS-1:0]  Dat;
	logic  Vld;

	uwire  free = !Vld || ordy;
	assign	lrdy = free && rvld;
	assign	rrdy = free && lvld;
	assign	ovld = Vld;
	assign	odat = Dat;

	function automatic logic signed [SUM-1:0] sum(
		input logic [LEFT_BITS-1:0]  l, input logic [RIGHT_BITS-1:0]  r
	);
		automatic logic signed [SUM-1:0]  x = LEFT_SIGNED? SUM'($signed(l)) : SUM'(l);
		automatic logic signed [SUM-1:0]  y = RIGHT_SIGNED? SUM'($signed(r)) : SUM'(r);
		return  x + y;
	endfunction : sum

	always_ff @(posedge clk) begin
		if(rst) begin
			Dat <= '0;
			Vld <= 0;
		end
		else begin
			if(free)  Vld <= lvld && rvld;
			if(free && lvld && rvld) begin
				for(int unsigned  pe = 0; pe < PE; pe++)  Dat[pe] <= OUT_BITS'(sum(ldat[pe], rdat[pe]));
			end
		end
	end

endmodule : elementwise_add_layer
