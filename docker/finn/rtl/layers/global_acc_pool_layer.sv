// Stands for FINN's GlobalAccPool, which exists in HLS only: the sum of all pixels, by channel.
//
// As the HLS does, it takes a whole image, then gives the FOLDS beats of sums, then takes the next.
module global_acc_pool_layer #(
	int unsigned  PIXELS,
	int unsigned  FOLDS,	// C/PE
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

	output	logic [PE-1:0][OUT_BITS-1:0]  odat,
	output	logic  ovld,
	input	logic  ordy
);
	logic [PE-1:0][OUT_BITS-1:0]  Sums[FOLDS];
	logic [31:0]  Pixel, Fold;
	logic  Drain;

	uwire  last_fold = Fold == FOLDS-1;
	assign	irdy = !Drain;
	assign	ovld = Drain;
	assign	odat = Sums[Fold];

	always_ff @(posedge clk) begin
		if(rst) begin
			Pixel <= 0;
			Fold <= 0;
			Drain <= 0;
		end
		else if(Drain? ordy : ivld) begin
			Fold <= last_fold? 0 : Fold + 1;
			if(!Drain) begin
				for(int unsigned  pe = 0; pe < PE; pe++) begin
					Sums[Fold][pe] <= (Pixel == 0? '0 : Sums[Fold][pe])
						+ (SIGNED? OUT_BITS'($signed(idat[pe])) : OUT_BITS'(idat[pe]));
				end
			end
			if(last_fold) begin
				Pixel <= Drain || (Pixel == PIXELS-1)? 0 : Pixel + 1;
				Drain <= !Drain && (Pixel == PIXELS-1);
			end
		end
	end

endmodule : global_acc_pool_layer
