"""Large matrix cores in parts: equal groups of lanes are mapped once and counted as often.

FINN's `mvu` consists of groups of PEs that share DSP slices (`genPipes` in mvu.sv), which have
nothing in common but their inputs and one shift register for the flag of the last input.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from finn_worker.mapping import weights
from finn_worker.mapping.layers import TOP
from finn_worker.mapping.mapped import Resources, Source

CORE = "mvu"
BOX = "groups"
"""The module that stands for the groups in what is around them."""
# Packages and modules that the core is made of.
_CORE_FILES = ("mvu_pkg.sv", "mvu.sv", "add_multi.sv")
_GIVEN = (
    "VERSION",
    "SIMD",
    "WEIGHT_WIDTH",
    "ACTIVATION_WIDTH",
    "ACCU_WIDTH",
    "SIGNED_ACTIVATIONS",
    "NARROW_WEIGHTS",
)
# Of the multiplier's port that takes the weights, by version of the DSP slice.
_PORT = {1: 25, 2: 27}


@dataclass(frozen=True)
class Part:
    """A part of a layer.

    Attributes:
        source: What to map.
        times: How often the layer has it; below zero for what is taken off.
        boxes: Modules in it that are counted apart.
    """

    source: Source
    times: int = 1
    boxes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Divided:
    """A layer in parts.

    Attributes:
        parts: To be mapped and added up.
        more: What the parts have too often, as a number below zero, or too seldom.
    """

    parts: tuple[Part, ...]
    more: Resources = field(default_factory=Resources)


def divided(layer: Source) -> Divided:
    """The layer in parts, where it has a core of several groups of lanes or a wide memory."""
    rest = layer
    boxes: tuple[str, ...] = ()
    parts: list[Part] = []
    more = Resources()
    sizes = _sizes(layer)
    if sizes is not None and -(-sizes["PE"] // (lanes := _lanes(sizes))) > 1:
        full, left = divmod(sizes["PE"], lanes)
        text = _with_black_box(layer.texts["mvu.sv"], sizes)
        rest = Source(top=TOP, texts={**rest.texts, "mvu.sv": text}, memories=rest.memories)
        boxes += (BOX,)
        parts.append(Part(_group(layer, sizes, lanes), times=full))
        if left:
            parts.append(Part(_group(layer, sizes, left)))
        # Each group is mapped with the shift register that the core has once; it is reset, so that
        # it consists of flip-flops.
        more = Resources(ff=(1 - full - (left > 0)) * _pipeline_depth(sizes))
    if weights.is_wide(layer):
        rest, boxes = weights.without(rest), (*boxes, weights.BOX)
        parts += [Part(source, times=times) for source, times in weights.narrow(layer)]
    return Divided((Part(rest, boxes=boxes), *parts), more)


def _sizes(layer: Source) -> dict[str, int] | None:
    """Parameters of FINN's core as the layer has it; None of other layers."""
    if not set(_CORE_FILES).issubset(layer.texts):
        return None
    found = {
        name: int(value)
        for text in layer.texts.values()
        for name, value in re.findall(r"^\s*parameter\s+(\w+) = (\d+),", text, re.MULTILINE)
    }
    if found["PUMPED_COMPUTE"] or found["VERSION"] not in _PORT:
        return None
    return found


def _lanes(sizes: Mapping[str, int]) -> int:
    """PEs of a group, as mvu.sv has it."""
    port, bits = _PORT[sizes["VERSION"]], sizes["WEIGHT_WIDTH"]
    if port == bits:
        return 1
    lane = bits + sizes["ACTIVATION_WIDTH"] - 1
    return 1 + (port - (not sizes["NARROW_WEIGHTS"]) - bits) // lane


def _pipeline_depth(sizes: Mapping[str, int]) -> int:
    """PIPELINE_DEPTH of mvu.sv."""
    return 3 + (sizes["SIMD"] - 1).bit_length() + (sizes["SIMD"] == 1) + 1


def _group(layer: Source, sizes: Mapping[str, int], lanes: int) -> Source:
    """The core with so many PEs."""
    given = ", ".join(f".{name}({sizes[name]})" for name in _GIVEN)
    text = f"""\
module {TOP} (
	input	logic  clk,
	input	logic  rst,
	input	logic  last,
	input	logic  zero,
	input	logic signed [{lanes - 1}:0][{sizes["SIMD"] - 1}:0][{sizes["WEIGHT_WIDTH"] - 1}:0]  w,
	input	logic [{sizes["SIMD"] - 1}:0][{sizes["ACTIVATION_WIDTH"] - 1}:0]  a,
	output	logic  vld,
	output	logic signed [{lanes - 1}:0][{sizes["ACCU_WIDTH"] - 1}:0]  p
);
	{CORE} #(.PE({lanes}), {given}) core (
		.clk, .rst, .en(1'b1), .last, .zero, .w, .a, .vld, .p
	);
endmodule : {TOP}
"""
    texts = {name: layer.texts[name] for name in _CORE_FILES}
    return Source(top=TOP, texts={**texts, f"{TOP}.sv": text})


def _with_black_box(text: str, sizes: Mapping[str, int]) -> str:
    """The core with one module in it, of which only the ports are known."""
    head = re.search(rf"^module {CORE} #\(.*?^\);\n", text, re.DOTALL | re.MULTILINE)
    assert head is not None
    bits = sizes["PE"] * sizes["SIMD"] * sizes["WEIGHT_WIDTH"]
    return f"""\
(* blackbox *)
module {BOX} (
	input	logic  clk, rst, en, last, zero,
	input	logic [{bits - 1}:0]  w,
	input	logic [{sizes["SIMD"] * sizes["ACTIVATION_WIDTH"] - 1}:0]  a,
	output	logic  vld,
	output	logic [{sizes["PE"] * sizes["ACCU_WIDTH"] - 1}:0]  p
);
endmodule : {BOX}

{head.group()}
	uwire [{sizes["PE"] * sizes["ACCU_WIDTH"] - 1}:0]  sums;
	{BOX} box (
		.clk, .rst, .en, .last, .zero, .w({{w}}), .a({{a}}), .vld, .p(sums)
	);
	assign p = sums;
endmodule : {CORE}
"""
