"""Wide memories of weights, which grow bit by bit: two narrow ones tell what a wide one takes.

FINN's `memstream` has one address and one count of what is under way for all bits of a word; the
rest is the same for every bit, or for every few that share a block RAM.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from finn_worker.mapping.layers import NODE, TOP
from finn_worker.mapping.mapped import Source

# A multiple of the widest word of a block RAM, 72 bits, and so of what any depth of it has; two
# memories that differ by less differ by chance, too.
STEP = 144
BOX = f"{NODE}_memstream_wrapper"
"""The module of the memory."""
_FILES = ("axilite.sv", "memstream.sv", "memstream_axi.sv")
_WIDTH = re.compile(r"(parameter  WIDTH = )(\d+)")
_PORT = re.compile(r"^\s*(input|output)\s+(?:\[[^;]*?\]\s*)?(\w+)\s*(?:,|$)", re.MULTILINE)


def width(layer: Source) -> int:
    """Bits of a word of the layer's memory of weights; 0 where it has none."""
    found = _WIDTH.search(layer.texts.get(f"{BOX}.v", ""))
    return int(found.group(2)) if found else 0


def is_wide(layer: Source) -> bool:
    """Whether the memory of weights is worth being mapped in two narrow ones."""
    return width(layer) > 3 * STEP


def without(layer: Source) -> Source:
    """The layer with the ports of its memory alone, in the module BOX."""
    file = f"{BOX}.v"
    bits = (width(layer) + 7) // 8 * 8
    ports = ",\n".join(
        f"\t{direction} {f'[{bits - 1}:0] ' if name == 'm_axis_0_tdata' else ''}{name}"
        for direction, name in _ports(layer.texts[file])
    )
    box = f"(* blackbox *)\nmodule {BOX} (\n{ports}\n);\nendmodule\n"
    return Source(top=TOP, texts={**layer.texts, file: box}, memories=layer.memories)


def narrow(layer: Source) -> tuple[tuple[Source, int], tuple[Source, int]]:
    """Two memories of the same depth, and how often each counts, so that they make up the wide one.

    With n steps of b bits from a to the full width, that is f(a) + n (f(a + b) - f(a)).
    """
    full = width(layer)
    # Twice as far apart where more depends on the difference.
    step = STEP * (1 + (full > 10 * STEP))
    first = step + full % step
    steps = (full - first) // step
    return (_memory(layer, first), 1 - steps), (_memory(layer, first + step), steps)


def _memory(layer: Source, bits: int) -> Source:
    """The memory of weights with the first bits of each word."""
    wrapper = _WIDTH.sub(rf"\g<1>{bits}", layer.texts[f"{BOX}.v"])
    tied = "".join(
        f",\n\t\t.{name}('0)" if direction == "input" else f",\n\t\t.{name}()"
        for direction, name in _ports(wrapper)
        if not name.startswith(("ap_", "m_axis_0_"))
    )
    top = f"""\
module {TOP} (
	input	logic  clk,
	input	logic  rst_n,
	input	logic  ready,
	output	logic  valid,
	output	logic [{(bits + 7) // 8 * 8 - 1}:0]  data
);
	{BOX} weights (
		.ap_clk(clk), .ap_clk2x(clk), .ap_rst_n(rst_n),
		.m_axis_0_tdata(data), .m_axis_0_tvalid(valid), .m_axis_0_tready(ready){tied}
	);
endmodule : {TOP}
"""
    texts = {name: layer.texts[name] for name in _FILES}
    return Source(
        top=TOP,
        texts={**texts, f"{BOX}.v": wrapper, f"{TOP}.sv": top},
        memories=_cut(layer.memories, bits),
    )


def _cut(memories: Mapping[str, str], bits: int) -> dict[str, str]:
    digits, mask = (bits + 3) // 4, (1 << bits) - 1
    return {
        name: "".join(f"{int(word, 16) & mask:0{digits}x}\n" for word in text.split())
        for name, text in memories.items()
    }


def _ports(text: str) -> list[tuple[str, str]]:
    """Direction and name of each port of the wrapper."""
    return _PORT.findall(re.sub(r"//.*", "", text))
