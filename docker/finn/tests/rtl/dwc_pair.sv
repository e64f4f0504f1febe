// FINN's width converter beside its stand-in, with the same random stimuli.
module dwc_pair #(
	int unsigned  IBITS,
	int unsigned  OBITS,

	localparam int unsigned  AXI_IBITS = (IBITS+7)/8 * 8,
	localparam int unsigned  AXI_OBITS = (OBITS+7)/8 * 8
)(
	input	logic  clk,
	input	logic  rst,
	output	logic [31:0]  different,
	output	logic [31:0]  active
);
	logic  ivld, ordy;
	logic [AXI_IBITS-1:0]  idat;
	logic [7:0]  in_rate, out_rate;
	uwire  irdy_f, ovld_f, irdy_o, ovld_o;
	uwire [AXI_OBITS-1:0]  odat_f, odat_o;

	finn_dwc_axi #(.IBITS(IBITS), .OBITS(OBITS)) finn (
		.ap_clk(clk), .ap_rst_n(!rst),
		.s_axis_tready(irdy_f), .s_axis_tvalid(ivld), .s_axis_tdata(idat),
		.m_axis_tready(ordy), .m_axis_tvalid(ovld_f), .m_axis_tdata(odat_f)
	);
	dwc_axi #(.IBITS(IBITS), .OBITS(OBITS)) ours (
		.ap_clk(clk), .ap_rst_n(!rst),
		.s_axis_tready(irdy_o), .s_axis_tvalid(ivld), .s_axis_tdata(idat),
		.m_axis_tready(ordy), .m_axis_tvalid(ovld_o), .m_axis_tdata(odat_o)
	);

	always_ff @(posedge clk) begin
		ivld <= 8'($urandom) < in_rate;
		ordy <= 8'($urandom) < out_rate;
		for(int unsigned  i = 0; i < AXI_IBITS; i++)  idat[i] <= 1'($urandom);
		if(7'($urandom) == 0)  in_rate <= 8'($urandom);
		if(7'($urandom) == 0)  out_rate <= 8'($urandom);
		if(!rst) begin
			if((irdy_f != irdy_o) || (ovld_f != ovld_o) || (ovld_f && (odat_f != odat_o)))  different <= different + 1;
			if((irdy_f && ivld) || (ovld_f && ordy))  active <= active + 1;
		end
	end

endmodule : dwc_pair
