// What a block RAM of the 7 series does: RAMB18E1 or RAMB36E1, whose models in Yosys' library are
// empty. Written after AMD UG473 (7 Series FPGAs Memory Resources), for what Yosys makes of memories:
// one clock, no output registers, no error correction.
//
// Both ports see the same words of 64 bits and 8 parity bits, whatever their widths. What is read
// where the other port writes at the same time is undefined, unless that port reads first: here it is
// the inverse of what is written, so that whatever depends on it is found.
module block_ram #(
	int unsigned  WORDS,	// 256 in a RAMB18E1, 512 in a RAMB36E1
	int unsigned  PORT,	// data bits of a port's pins: 16, or 32
	parameter  MODE = "TDP",	// true dual port; or SDP: A reads and B writes, with the pins of both
	int unsigned  READ_WIDTH_A, READ_WIDTH_B, WRITE_WIDTH_A, WRITE_WIDTH_B,	// with parity; 0: unused
	parameter  WRITE_MODE_A = "WRITE_FIRST",
	parameter  WRITE_MODE_B = "WRITE_FIRST",
	bit  CASCADED = 0,	// one of a pair that holds 64 Ki bits
	bit  UPPER = 0,	// the one of the upper half, which gives the results of both
	logic [WORDS*64-1:0]  INIT,
	logic [WORDS*8 -1:0]  INITP,
	logic [71:0]  INIT_A, INIT_B, SRVAL_A, SRVAL_B	// as wide as Yosys writes them
)(
	input	logic  clk,
	input	logic  en_a, en_b,
	input	logic  rst_a, rst_b,
	input	logic [15:0]  addr_a, addr_b,	// of a bit; without the one that only cascades have
	input	logic [PORT-1:0]  di_a, di_b,
	input	logic [PORT/8-1:0]  dip_a, dip_b,
	input	logic [PORT/8-1:0]  we_a,
	input	logic [PORT/4-1:0]  we_b,
	input	logic  cascade_in_a, cascade_in_b,
	output	logic  cascade_out_a, cascade_out_b,
	output	logic [PORT-1:0]  do_a, do_b,
	output	logic [PORT/8-1:0]  dop_a, dop_b
);
	/* verilator lint_off WIDTHEXPAND */	// strings of several lengths
	localparam bit  SDP = MODE == "SDP";
	localparam bit  GIVES_NEW_A = WRITE_MODE_A == "WRITE_FIRST";
	localparam bit  GIVES_NEW_B = WRITE_MODE_B == "WRITE_FIRST";
	localparam bit  GIVES_OLD_A = WRITE_MODE_A == "READ_FIRST";
	localparam bit  GIVES_OLD_B = WRITE_MODE_B == "READ_FIRST";
	/* verilator lint_on WIDTHEXPAND */
	localparam int unsigned  BITS = $clog2(WORDS * 64);
	localparam int unsigned  PINS = 2*PORT;	// in SDP, of both ports together

	// Data bits of a port that is so wide with parity
	function automatic int unsigned data_bits(input int unsigned  width);
		return  width >= 9? width / 9 * 8 : width;
	endfunction : data_bits

	// Position in its word: a multiple of the data bits
	function automatic logic [5:0] offset(input logic [15:0]  addr, input int unsigned  width);
		return  width == 0? 0 : addr[5:0] & ~6'(data_bits(width) - 1);
	endfunction : offset

	// The written bits of a word: {parity, data}
	function automatic logic [71:0] written(
		input int unsigned  width, input logic [15:0]  addr, input logic [7:0]  we
	);
		automatic logic [71:0]  mask = '0;
		automatic logic [5:0]  at = offset(addr, width);
		for(int unsigned  i = 0; i < data_bits(width); i++)  mask[7'(at) + 7'(i)] = we[i/8];
		if(width >= 9) begin
			for(int unsigned  i = 0; i < data_bits(width) / 8; i++)
				mask[64 + 32'(at[5:3]) + i] = we[i];
		end
		return  mask;
	endfunction : written

	// A word as it would be if all of it were written
	function automatic logic [71:0] placed(
		input int unsigned  width, input logic [15:0]  addr,
		input logic [63:0]  data, input logic [7:0]  parity
	);
		automatic logic [5:0]  at = offset(addr, width);
		return  { parity << at[5:3], data << at };
	endfunction : placed

	// What a port reads of a word, at its lowest pins: {parity, data}
	function automatic logic [71:0] taken(
		input int unsigned  width, input logic [15:0]  addr, input logic [71:0]  word
	);
		automatic logic [5:0]  at = offset(addr, width);
		automatic logic [63:0]  data = 64'(65'(1) << data_bits(width)) - 1;
		automatic logic [7:0]  parity = width >= 9? 8'(9'(1) << (data_bits(width)/8)) - 1 : 0;
		return  { (word[71:64] >> at[5:3]) & parity, (word[63:0] >> at) & data };
	endfunction : taken

	// Values of a port's latches, which follow one another without parity in between
	function automatic logic [71:0] latched(
		input int unsigned  width, input logic [71:0]  a, input logic [71:0]  b
	);
		if(SDP && (width > 9*PORT/8))
			return  { 8'({ b[PORT +: PORT/8], a[PORT +: PORT/8] }), 64'({ b[PORT-1:0], a[PORT-1:0] }) };
		return  { width < 9? 8'h0 : 8'(a >> data_bits(width)),
			64'(a) & (64'(65'(1) << data_bits(width)) - 1) };
	endfunction : latched

	logic [71:0]  Memory[WORDS];
	logic [71:0]  LatchA, LatchB;
	logic  UpperA, UpperB;	// of the last address, in a cascade
	initial begin
		for(int unsigned  i = 0; i < WORDS; i++)  Memory[i] = { INITP[8*i +: 8], INIT[64*i +: 64] };
		LatchA = latched(READ_WIDTH_A, INIT_A, INIT_B);
		LatchB = latched(READ_WIDTH_B, INIT_B, '0);
	end

	uwire  mine_a = !CASCADED || (addr_a[15] == UPPER);
	uwire  mine_b = !CASCADED || (addr_b[15] == UPPER);
	uwire [BITS-7:0]  at_a = addr_a[BITS-1:6];
	uwire [BITS-7:0]  at_b = addr_b[BITS-1:6];
	uwire [71:0]  old_a = Memory[at_a];
	uwire [71:0]  old_b = Memory[at_b];

	// In SDP, port B writes with the data pins of both where it is wider than its own
	uwire  wide = SDP && (WRITE_WIDTH_B > 9*PORT/8);
	uwire [63:0]  data_a = 64'(di_a);
	uwire [63:0]  data_b = wide? 64'({ di_b, di_a }) : 64'(di_b);
	uwire [7:0]  parity_b = wide? 8'({ dip_b, dip_a }) : 8'(dip_b);
	uwire [71:0]  mask_a = en_a && mine_a && (WRITE_WIDTH_A > 0)? written(WRITE_WIDTH_A, addr_a, 8'(we_a)) : '0;
	uwire [71:0]  mask_b = en_b && mine_b && (WRITE_WIDTH_B > 0)? written(WRITE_WIDTH_B, addr_b, 8'(we_b)) : '0;
	uwire [71:0]  all_a = placed(WRITE_WIDTH_A, addr_a, data_a, 8'(dip_a));
	uwire [71:0]  all_b = placed(WRITE_WIDTH_B, addr_b, data_b, parity_b);
	uwire [71:0]  new_a = (old_a & ~mask_a) | (all_a & mask_a);
	uwire [71:0]  new_b = (old_b & ~mask_b) | (all_b & mask_b);

	// What the other port spoils
	uwire  same = at_a == at_b;
	uwire [71:0]  spoilt_a = same && !GIVES_OLD_B? mask_b : '0;
	uwire [71:0]  spoilt_b = same && !GIVES_OLD_A? mask_a : '0;
	uwire [71:0]  seen_a = ((GIVES_NEW_A? new_a : old_a) & ~spoilt_a) | (~all_b & spoilt_a);
	uwire [71:0]  seen_b = ((GIVES_NEW_B? new_b : old_b) & ~spoilt_b) | (~all_a & spoilt_b);

	always_ff @(posedge clk) begin
		if(en_a) begin
			UpperA <= addr_a[15];
			if(rst_a)  LatchA <= latched(READ_WIDTH_A, SRVAL_A, SRVAL_B);
			else if(GIVES_NEW_A || GIVES_OLD_A || (mask_a == '0))
				LatchA <= taken(READ_WIDTH_A, addr_a, seen_a);
		end
		if(en_b) begin
			UpperB <= addr_b[15];
			if(rst_b)  LatchB <= latched(READ_WIDTH_B, SRVAL_B, '0);
			else if(GIVES_NEW_B || GIVES_OLD_B || (mask_b == '0))
				LatchB <= taken(READ_WIDTH_B, addr_b, seen_b);
		end
		if(mask_a != '0)  Memory[at_a] <= new_a;
		// Both write to one word: what they write to one bit is undefined.
		if(mask_b != '0)  Memory[at_b] <= same? (new_a & ~mask_b) | (all_b & mask_b) : new_b;
	end

	uwire [PINS-1:0]  data = LatchA[PINS-1:0];
	uwire [PINS/8-1:0]  parity = LatchA[64 +: PINS/8];
	assign  cascade_out_a = LatchA[0];
	assign  cascade_out_b = LatchB[0];
	assign  do_a = CASCADED && UPPER && !UpperA? PORT'(cascade_in_a) : data[PORT-1:0];
	assign  dop_a = parity[PORT/8-1:0];
	assign  do_b = SDP? data[PINS-1:PORT]
		: CASCADED && UPPER && !UpperB? PORT'(cascade_in_b) : LatchB[PORT-1:0];
	assign  dop_b = SDP? parity[PINS/8-1:PORT/8] : LatchB[64 +: PORT/8];

endmodule : block_ram
