// Stands for FINN's LabelSelect, which exists in HLS only: the label of the largest value.
//
// Of equal values the first counts, as in finn-hlslib, where only a strictly greater one replaces it.
module label_select_layer #(
	int unsigned  FOLDS,	// labels / PE
	int unsigned  PE,
	int unsigned  IN_BITS,
	int unsigned  OUT_BITS,
	bit  SIGNED
)(
	input	logic  clk,
	input	logic  rst,

	input	logic [PE-1:0][IN_BITS-1:0]  idat,
	input	logic  ivld,
	output	logic  irdy,

	output	logic [OUT_BITS-1:0]  odat,
	output	logic  ovld,
	input	logic  ordy
);
	logic [31:0]  Fold;
	logic signed [IN_BITS:0]  Largest;
	logic [OUT_BITS-1:0]  Label, Dat;
	logic  Vld;

	uwire  last = Fold == FOLDS-1;
	assign	irdy = !last || !Vld || ordy;
	assign	ovld = Vld;
	assign	odat = Dat;

	always_ff @(posedge clk) begin
		if(rst) begin
			Fold <= 0;
			Largest <= '0;
			Label <= '0;
			Dat <= '0;
			Vld <= 0;
		end
		else begin
			if(ordy)  Vld <= 0;
			if(ivld && irdy) begin
				automatic logic signed [IN_BITS:0]  largest = Largest;
				automatic logic [OUT_BITS-1:0]  label = Label;
				for(int unsigned  pe = 0; pe < PE; pe++) begin
					automatic logic signed [IN_BITS:0]  x =
						SIGNED? (IN_BITS+1)'($signed(idat[pe])) : (IN_BITS+1)'(idat[pe]);
					if(((Fold == 0) && (pe == 0)) || (x > largest)) begin
						largest = x;
						label = OUT_BITS'(Fold*PE + pe);
					end
				end
				Largest <= largest;
				Label <= label;
				Fold <= last? 0 : Fold + 1;
				if(last) begin
					Dat <= label;
					Vld <= 1;
				end
			end
		end
	end

endmodule : label_select_layer
