// A multiplexer of words as multiplexers of bits, the form in which Yosys' xilinx_srl knows the
// variable tap of a shift register.
(* techmap_celltype = "$bmux" *)
module words_to_bits #(
	parameter  WIDTH = 1,
	parameter  S_WIDTH = 1
)(
	input [(WIDTH << S_WIDTH)-1:0]  A,
	input [S_WIDTH-1:0]  S,
	output [WIDTH-1:0]  Y
);
	genvar  bit, word;
	generate for(bit = 0; bit < WIDTH; bit = bit+1) begin : genBits
		wire [(1 << S_WIDTH)-1:0]  taps;
		for(word = 0; word < (1 << S_WIDTH); word = word+1) begin : genWords
			assign taps[word] = A[word*WIDTH + bit];
		end
		\$shiftx #(
			.A_SIGNED(0), .B_SIGNED(0), .A_WIDTH(1 << S_WIDTH), .B_WIDTH(S_WIDTH), .Y_WIDTH(1)
		) tap (.A(taps), .B(S), .Y(Y[bit]));
	end endgenerate
endmodule
