// Stands for FINN's DuplicateStreams, which exists in HLS only: every beat goes to all outputs.
//
// A beat is taken once all outputs have given the beat before, as the HLS writes one after the other.
module duplicate_streams_layer #(
	int unsigned  OUTPUTS,
	int unsigned  WIDTH
)(
	input	logic  clk,
	input	logic  rst,

	input	logic [WIDTH-1:0]  idat,
	input	logic  ivld,
	output	logic  irdy,

	output	logic [WIDTH-1:0]  odat,
	output	logic [OUTPUTS-1:0]  ovld,
	input	logic [OUTPUTS-1:0]  ordy
);
	logic [WIDTH-1:0]  Dat;
	logic [OUTPUTS-1:0]  Vld;

	assign	irdy = (Vld & ~ordy) == '0;
	assign	ovld = Vld;
	assign	odat = Dat;

	always_ff @(posedge clk) begin
		if(rst) begin
			Dat <= '0;
			Vld <= '0;
		end
		else begin
			Vld <= Vld & ~ordy;
			if(ivld && irdy) begin
				Dat <= idat;
				Vld <= '1;
			end
		end
	end

endmodule : duplicate_streams_layer
