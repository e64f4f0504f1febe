// Stands in for FINN's dwc_axi.sv, a converter between streams of different widths.
//
// FINN's module has a multiplexer for every bit of its buffer. This one shifts the buffer as a whole,
// and only when a beat comes or goes: the same beats in the same cycles. Widths of one bit, for which
// FINN's works otherwise, are left to it.
module dwc_axi #(
	int unsigned  IBITS,
	int unsigned  OBITS,

	localparam int unsigned  AXI_IBITS = (IBITS+7)/8 * 8,
	localparam int unsigned  AXI_OBITS = (OBITS+7)/8 * 8
)(
	input	logic  ap_clk,
	input	logic  ap_rst_n,

	output	logic  s_axis_tready,
	input	logic  s_axis_tvalid,
	input	logic [AXI_IBITS-1:0]  s_axis_tdata,

	input	logic  m_axis_tready,
	output	logic  m_axis_tvalid,
	output	logic [AXI_OBITS-1:0]  m_axis_tdata
);
	if((IBITS == 1) || (OBITS == 1) || (IBITS == OBITS)) begin : genFinns
		vpc #(.W(1), .N(IBITS * OBITS), .PI(IBITS), .PO(OBITS)) core (
			.clk(ap_clk), .rst(!ap_rst_n),
			.idat(s_axis_tdata[IBITS-1:0]), .ivld(s_axis_tvalid), .irdy(s_axis_tready),
			.odat(m_axis_tdata[OBITS-1:0]), .ovld(m_axis_tvalid), .ordy(m_axis_tready)
		);
		if(OBITS < AXI_OBITS)  assign  m_axis_tdata[AXI_OBITS-1:OBITS] = '0;
	end : genFinns
	else begin : genShift
		logic [IBITS+OBITS-1:0]  Buf;	// zero beyond what is held
		logic [31:0]  Held;	// bits
		// Ready and valid, as this module reads them: Verilator copies what is both read and assigned
		// at an edge, in every cycle.
		logic  Room, Full;
		logic  Rdy, Vld;
		logic [AXI_OBITS-1:0]  Dat;
		assign	s_axis_tready = Rdy;
		assign	m_axis_tvalid = Vld;
		assign	m_axis_tdata = Dat;

		always_ff @(posedge ap_clk) begin
			if(!ap_rst_n) begin
				Buf = '0;
				Held = 0;
				Room = 1;
				Full = 0;
				Rdy <= 1;
				Vld <= 0;
				Dat <= '0;
			end
			else if((s_axis_tvalid && Room) || (m_axis_tready && Full)) begin
				automatic logic  take = s_axis_tvalid && Room;
				if(m_axis_tready && Full) begin
					Buf = Buf >> OBITS;
					Held = Held - OBITS;
				end
				if(take) begin
					Buf = Buf | ((IBITS+OBITS)'(s_axis_tdata[IBITS-1:0]) << Held);
					Held = Held + IBITS;
				end
				Room = Held <= OBITS;
				Full = Held >= OBITS;
				Rdy <= Room;
				Vld <= Full;
				Dat <= AXI_OBITS'(Buf[OBITS-1:0]);
			end
		end
	end : genShift

endmodule : dwc_axi
