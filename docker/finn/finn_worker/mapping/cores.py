"""Large layers in parts: equal groups of a matrix core are mapped once and counted as often.

FINN's `mvu` consists of groups of PEs that share DSP slices (`genPipes` in mvu.sv), which have
nothing in common but their inputs and one shift register for the flag of the last input. The core
of LUTs consists of its PEs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from finn_worker.mapping import thresholds, weights
from finn_worker.mapping.layers import TOP
from finn_worker.mapping.mapped import Resources, Source

# FINN's core, and the one of LUTs in its place.
FINN, LUTS = "mvu", "mvu_lut"
BOX = "groups"
"""The module that stands for the groups in what is around them."""
# Packages and modules that each core is made of.
_FILES = {FINN: ("mvu_pkg.sv", "mvu.sv", "add_multi.sv"), LUTS: ("mvu_lut.sv",)}
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


def divided(layer: Source, *, exact: bool = False) -> Divided:
    """The layer in parts, where it has many lanes or a wide memory of weights.

    Args:
        layer: To be mapped.
        exact: Whether the parts together are the layer, so that their netlists make up its netlist;
            else some tell only what others take.
    """
    if not exact and thresholds.have_many_lanes(layer):
        few = thresholds.of_few_lanes(layer)
        return Divided(tuple(Part(source, times=times) for source, times in few))
    rest = layer
    boxes: tuple[str, ...] = ()
    parts: list[Part] = []
    more = Resources()
    core, sizes = _core(layer)
    if core == FINN and -(-sizes["PE"] // _lanes(sizes)) > 1:
        found, more = _groups(layer, sizes)
        parts += found
    elif core == LUTS and sizes["PE"] > 2:
        parts += _elements(layer, sizes, exact=exact)
    if parts:
        file = f"{core}.sv"
        text = _with_black_box(core, layer.texts[file], sizes)
        rest = Source(top=TOP, texts={**rest.texts, file: text}, memories=rest.memories)
        boxes += (BOX,)
    if not exact and weights.is_wide(layer):
        rest, boxes = weights.without(rest), (*boxes, weights.BOX)
        parts += [Part(source, times=times) for source, times in weights.narrow(layer)]
    return Divided((Part(rest, boxes=boxes), *parts), more)


def _groups(layer: Source, sizes: Mapping[str, int]) -> tuple[list[Part], Resources]:
    """FINN's core: full groups of lanes, and one of those that are left."""
    lanes = _lanes(sizes)
    full, left = divmod(sizes["PE"], lanes)
    parts = [Part(_part(FINN, layer, sizes, lanes), times=full)]
    if left:
        parts.append(Part(_part(FINN, layer, sizes, left)))
    # Each group is mapped with the shift register that the core has once; it is reset, so that it
    # consists of flip-flops.
    return parts, Resources(ff=(1 - full - (left > 0)) * _pipeline_depth(sizes))


def _elements(layer: Source, sizes: Mapping[str, int], *, exact: bool) -> list[Part]:
    """The core of LUTs: its PEs have nothing in common but what a first one has with it."""
    one, two = (_part(LUTS, layer, sizes, number) for number in (1, 2))
    if exact:
        return [Part(one, times=sizes["PE"])]
    return [Part(one, times=2 - sizes["PE"]), Part(two, times=sizes["PE"] - 1)]


def _core(layer: Source) -> tuple[str, dict[str, int]]:
    """Which core the layer has, and its parameters; an empty name for none that can be divided."""
    core = next((name for name, own in _FILES.items() if set(own) <= layer.texts.keys()), "")
    if not core:
        return "", {}
    found = {
        name: int(value)
        for text in layer.texts.values()
        for name, value in re.findall(r"^\s*parameter\s+(\w+) = (\d+),", text, re.MULTILINE)
    }
    if found["PUMPED_COMPUTE"] or found["VERSION"] not in _PORT:
        return "", {}
    return core, found


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


def _ports(sizes: Mapping[str, int], elements: int) -> dict[str, int]:
    """Bits of the wide ports of a core, or of a part of it, with so many PEs."""
    return {
        "w": elements * sizes["SIMD"] * sizes["WEIGHT_WIDTH"],
        "a": sizes["SIMD"] * sizes["ACTIVATION_WIDTH"],
        "p": elements * sizes["ACCU_WIDTH"],
    }


def _part(core: str, layer: Source, sizes: Mapping[str, int], elements: int) -> Source:
    """The core with so many PEs."""
    given = ", ".join(f".{name}({sizes[name]})" for name in _GIVEN)
    bits = _ports(sizes, elements)
    text = f"""\
module {TOP} (
	input	logic  clk,
	input	logic  rst,
	input	logic  last,
	input	logic  zero,
	input	logic [{bits["w"] - 1}:0]  w,
	input	logic [{bits["a"] - 1}:0]  a,
	output	logic  vld,
	output	logic [{bits["p"] - 1}:0]  p
);
	{core} #(.PE({elements}), {given}) core (
		.clk, .rst, .en(1'b1), .last, .zero, .w(w), .a(a), .vld, .p(p)
	);
endmodule : {TOP}
"""
    texts = {name: layer.texts[name] for name in _FILES[core]}
    return Source(top=TOP, texts={**texts, f"{TOP}.sv": text})


def _with_black_box(core: str, text: str, sizes: Mapping[str, int]) -> str:
    """The core with one module in it, of which only the ports are known."""
    head = re.search(rf"^module {core} #\(.*?^\);\n", text, re.DOTALL | re.MULTILINE)
    assert head is not None
    bits = _ports(sizes, sizes["PE"])
    return f"""\
(* blackbox *)
module {BOX} (
	input	logic  clk, rst, en, last, zero,
	input	logic [{bits["w"] - 1}:0]  w,
	input	logic [{bits["a"] - 1}:0]  a,
	output	logic  vld,
	output	logic [{bits["p"] - 1}:0]  p
);
endmodule : {BOX}

{head.group()}
	uwire [{bits["p"] - 1}:0]  sums;
	{BOX} box (.clk, .rst, .en, .last, .zero, .w({{w}}), .a({{a}}), .vld, .p(sums));
	assign p = sums;
endmodule : {core}
"""
