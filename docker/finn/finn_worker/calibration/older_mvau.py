"""An MVAU in RTL as FINN built it before FINN+ had a core and a memory of weights of its own.

Modules and parameters are those of finn-rtllib in Xilinx/finn, v0.10 to 2026 (mvu_vvu_axi.sv,
memstream_axi_wrapper.v), which has to be at hand: nothing of it is here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from qonnx.core.datatype import DataType

from finn_worker.calibration import dialect
from finn_worker.calibration.modules import Modules
from finn_worker.mapping.mapped import Source

TOP = "layer"
_CORE, _MEMORY = "mvu_vvu_axi", "memstream_axi_wrapper"
# Of DSP58, which is on no part of these.
_LEFT_OUT = "mvu_vvu_8sx9_dsp58.sv"
_REWRITES = (
    # Yosys does not see that registers which no request ever sets stay as they are.
    (re.compile(r"\.config_([cw]e),"), r".config_\1('0),"),
    # A delay at start-up, which warns in simulation, is no hardware.
    (re.compile(r"logic\s+Dirty = 1;\s*initial begin.*?\bend\n", re.DOTALL), "uwire Dirty = 0;\n"),
    # Of shift registers and queues, Yosys would take block RAM for a few words.
    (re.compile(r"(\n\s*)(data_t\s+Mem\[2\*\*AWIDTH\];)"), r'\1(* ram_style = "distributed" *) \2'),
)


def sources(row: Mapping[str, str], content: str, older: Modules) -> list[Source]:
    """Core and memory of weights of a row of published figures.

    Args:
        row: As `singles` describes it.
        content: Of the memory of weights, a word a line.
        older: The modules of that FINN.

    Raises:
        KeyError: `older` lacks one.
    """
    return [_core(row, older), _memory(row, content, older)]


def core_of(weights: int, inputs: int) -> str:
    """The core that FINN takes on a DSP48E2, by the bits of weights and inputs."""
    return "mvu_4sx4u_dsp48e2" if max(weights, inputs) <= 4 else "mvu_8sx8u_dsp48"


def _core(row: Mapping[str, str], older: Modules) -> Source:
    pe, simd = int(row["PE"]), int(row["SIMD"])
    weights, inputs, output = (DataType[row[name]] for name in ("weights", "input", "output"))
    widths = {"weights": pe * simd * weights.bitwidth(), "input": simd * inputs.bitwidth()}
    widths["output"] = pe * output.bitwidth()
    bytes_of = {name: (width + 7) // 8 * 8 for name, width in widths.items()}
    top = f"""\
module {TOP} (
	input	logic  clk,
	input	logic  rst_n,
	input	logic [{bytes_of["weights"]}-1:0]  w_data,
	input	logic  w_valid,
	output	logic  w_ready,
	input	logic [{bytes_of["input"]}-1:0]  i_data,
	input	logic  i_valid,
	output	logic  i_ready,
	output	logic [{bytes_of["output"]}-1:0]  o_data,
	output	logic  o_valid,
	input	logic  o_ready
);
	{_CORE} #(
		.IS_MVU(1), .COMPUTE_CORE("{core_of(weights.bitwidth(), inputs.bitwidth())}"),
		.MW({row["MW"]}), .MH({row["MH"]}), .PE({pe}), .SIMD({simd}),
		.ACTIVATION_WIDTH({inputs.bitwidth()}), .WEIGHT_WIDTH({weights.bitwidth()}),
		.ACCU_WIDTH({output.bitwidth()}), .NARROW_WEIGHTS(1),
		.SIGNED_ACTIVATIONS({int(inputs.signed())})
	) core (
		.ap_clk(clk), .ap_clk2x('0), .ap_rst_n(rst_n),
		.s_axis_weights_tdata(w_data), .s_axis_weights_tvalid(w_valid),
		.s_axis_weights_tready(w_ready),
		.s_axis_input_tdata(i_data), .s_axis_input_tvalid(i_valid), .s_axis_input_tready(i_ready),
		.m_axis_output_tdata(o_data), .m_axis_output_tvalid(o_valid),
		.m_axis_output_tready(o_ready)
	);
endmodule : {TOP}
"""
    return Source(top=TOP, texts={**_texts(_CORE, older), f"{TOP}.sv": top})


def _memory(row: Mapping[str, str], content: str, older: Modules) -> Source:
    """The memory that streams the weights; nobody writes to it."""
    width = int(row["PE"]) * int(row["SIMD"]) * DataType[row["weights"]].bitwidth()
    top = f"""\
module {TOP} (
	input	logic  clk,
	input	logic  rst_n,
	output	logic  valid,
	input	logic  ready,
	output	logic [{width}-1:0]  data
);
	uwire [{(width + 7) // 8 * 8}-1:0]  padded;
	assign	data = padded;
	{_MEMORY} #(
		.DEPTH({len(content.split())}), .WIDTH({width}), .INIT_FILE("weights.dat"),
		.RAM_STYLE("{row["ram_style"]}")
	) memory (
		.ap_clk(clk), .ap_rst_n(rst_n),
		.awvalid('0), .awaddr('0), .wvalid('0), .wdata('0), .wstrb('0), .bready('0),
		.arvalid('0), .araddr('0), .rready('0),
		.m_axis_0_tready(ready), .m_axis_0_tvalid(valid), .m_axis_0_tdata(padded)
	);
endmodule : {TOP}
"""
    texts = {**_texts(_MEMORY, older), f"{TOP}.sv": top}
    return Source(top=TOP, texts=texts, memories={"weights.dat": content})


def _texts(module: str, older: Modules) -> dict[str, str]:
    texts = {
        name: dialect.fit(text) for name, text in older.closure(module).items() if name != _LEFT_OUT
    }
    for pattern, replacement in _REWRITES:
        texts = {name: pattern.sub(replacement, text) for name, text in texts.items()}
    return texts
