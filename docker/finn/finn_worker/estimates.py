"""FINN's analytic estimates: cycles and resources per layer, and whether the design fits.

Nothing here is measured. The figures are FINN+'s models of its own layers, with what is known to
be wrong with them:

* LUTs of an MVAU in RTL are given as 0, since its arithmetic is in DSP slices.
* DSPs of an MVAU in RTL assume four lanes per slice at any bit width. `dsp_instantiated` counts
  the slices that its Verilog instantiates, which follows from the widths alone.
* An MVAU in HLS is taken to multiply in LUTs; Vitis HLS may prefer DSPs at more bits.
* Thresholds count as LUT memory unless a block RAM happens to be filled to the bit.
* Weights always count as block RAM, however shallow their memory; synthesis puts shallow ones
  into LUTs.
* FIFOs, DMA engines and the shell around the accelerator are not in the figures.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from finn.util.basic import get_dsp_block, part_map
from finn.util.platforms import platforms
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from contract.finn.cores import LUT
from contract.finn.parts import resources_of
from contract.finn.windows import converter
from finn_worker import cores
from stagekit import StageError

RESOURCES = ("lut", "bram18", "dsp", "uram")
_FINN_NAMES = {"lut": "LUT", "bram18": "BRAM_18K", "dsp": "DSP", "uram": "URAM"}
# Width of the weights' port into the multiplier (A or D), by DSP slice.
DSP48_PORT = {"DSP48E1": 25, "DSP48E2": 27}

Layer = dict[str, Any]


def available(board: str, part: str) -> dict[str, int]:
    """What the board's part has, as Vivado counts it, else from FINN's tables, over all its dies.

    FINN+ has no table of some parts, and rounds others.

    Raises:
        StageError: The board is not known, or carries another part.
    """
    known = known_boards()
    if board not in known:
        raise StageError(
            f"FINN+ knows no resources of a board '{board}'.", f"Known: {', '.join(known)}."
        )
    if known[board] != part:
        raise StageError(
            f"The board {board} carries the part {known[board]}, not '{part}'.",
            "Correct the part, or name the board that carries it.",
        )
    if (counted := resources_of(part)) is not None:
        return counted
    dies = platforms[board]().resource_count_dict.values()
    return {name: sum(die[finn] for die in dies) for name, finn in _FINN_NAMES.items()}


def known_boards() -> dict[str, str]:
    """The boards of which the resources are known, with their parts, by name."""
    boards = sorted(part_map.items())
    return {board: part for board, part in boards if board in platforms or resources_of(part)}


def layers(model: ModelWrapper, part: str) -> list[Layer]:
    """Estimates for each layer of a specialised graph, in order.

    Each has name, op_type, mw, mh, pe, simd, weight_bits, input_bits, accumulator_bits,
    cycles_estimated (per image), lut, bram18, dsp, uram, dsp_instantiated, and core (of an MVAU in
    RTL: `contract.finn.cores`); what a kind of layer does not have is None. FINN+ gives width
    converters no cycles: they keep pace, but for those between widths of which neither is a
    multiple of the other.
    """
    return [_layer(node, model, part) for node in model.graph.node]


def totals(found: Sequence[Layer]) -> dict[str, int]:
    """Sums over the layers: lut, bram18, dsp, uram, and dsp_instantiated.

    The last takes `dsp` for layers of which it is not known.
    """
    sums = {name: sum(layer[name] for layer in found) for name in RESOURCES}
    counted = [(layer["dsp_instantiated"], layer["dsp"]) for layer in found]
    sums["dsp_instantiated"] = sum(dsp if known is None else known for known, dsp in counted)
    return sums


def uncharged(found: Sequence[Layer]) -> dict[str, dict[str, int]]:
    """By resource, the kinds of layers that need it and are charged none, with their number.

    A layer may do without block RAM or DSPs, but not without LUTs: the handshakes of its streams
    take some.
    """
    return {"lut": kinds(layer for layer in found if layer["lut"] == 0)}


def kinds(found: Iterable[Layer]) -> dict[str, int]:
    """How many layers there are of each kind, in the order in which they first appear."""
    return dict(Counter(str(layer["op_type"]) for layer in found))


def fits(needed: Mapping[str, int], has: Mapping[str, int]) -> bool:
    """Whether no resource is exceeded; of the two figures for DSPs, the larger one counts."""
    dsp = max(needed["dsp"], needed["dsp_instantiated"])
    return all((dsp if name == "dsp" else needed[name]) <= has[name] for name in RESOURCES)


def excess(needed: Mapping[str, int], has: Mapping[str, int], part: str) -> str:
    """What of a design does not fit, with figures."""
    wanted = {name: needed[name] for name in RESOURCES}
    wanted["dsp"] = max(needed["dsp"], needed["dsp_instantiated"])
    over = [f"{wanted[n]} of {has[n]} {n.upper()}" for n in RESOURCES if wanted[n] > has[n]]
    return f"The design does not fit {part}: by estimate it takes {', '.join(over)}."


def initiation_interval(found: Sequence[Layer]) -> int:
    """Cycles per image in the steady state: the slowest layer's."""
    return max(int(layer["cycles_estimated"]) for layer in found)


def _layer(node: Any, model: ModelWrapper, part: str) -> Layer:
    custom = getCustomOp(node)
    known = custom.get_nodeattr_types()
    found: Layer = {"name": node.name, "op_type": node.op_type}
    for name in ("MW", "MH", "PE", "SIMD"):
        found[name.lower()] = int(custom.get_nodeattr(name)) if name in known else None
    found |= dict.fromkeys(
        ("weight_bits", "input_bits", "accumulator_bits", "dsp_instantiated", "core")
    )
    if node.op_type.startswith("MVAU"):
        found["weight_bits"] = custom.get_input_datatype(1).bitwidth()
        found["input_bits"] = custom.get_input_datatype(0).bitwidth()
        found["accumulator_bits"] = custom.get_output_datatype().bitwidth()
        found["core"] = cores.of(node)
    if found["core"] == LUT:
        # FINN+'s model of its own MVAU of LUTs, which is in HLS.
        custom = getCustomOp(_of_luts(node))
        found["dsp_instantiated"] = 0
    elif node.op_type == "MVAU_rtl" and get_dsp_block(part) in DSP48_PORT:
        least = model.get_initializer(node.input[1]).min()
        narrow = bool(least > custom.get_input_datatype(1).min())
        found["dsp_instantiated"] = instantiated_dsps(found, narrow, get_dsp_block(part))
    estimate = custom.node_res_estimation(part)
    found["cycles_estimated"] = cycles(node)
    return found | {name: int(estimate[finn]) for name, finn in _FINN_NAMES.items()}


def _of_luts(mvau: Any) -> Any:
    """The variant that FINN+ has of an MVAU that multiplies in LUTs."""
    other = copy.deepcopy(mvau)
    other.op_type, other.domain = "MVAU_hls", mvau.domain.replace(".rtl", ".hls")
    getCustomOp(other).set_nodeattr("resType", "lut")
    return other


def cycles(node: Any) -> int:
    """Cycles per image of a specialised layer, by itself."""
    layer = getCustomOp(node)
    if not node.op_type.startswith("StreamingDataWidthConverter"):
        return int(layer.get_exp_cycles())
    bits = math.prod(layer.get_nodeattr("inShape")) * layer.get_input_datatype().bitwidth()
    return converter(bits, *(int(layer.get_nodeattr(name)) for name in ("inWidth", "outWidth")))


def instantiated_dsps(mvau: Layer, narrow: bool, dsp_block: str) -> int:
    """DSP slices in finn-rtllib's `mvu` for DSP48: one per SIMD and group of PEs.

    Several PEs share a slice as lanes of its multiplier; a lane is as wide as a product, less one.

    Args:
        mvau: Needs pe, simd, weight_bits, input_bits.
        narrow: The weights leave out the most negative number of their type.
        dsp_block: "DSP48E1" or "DSP48E2".
    """
    weights, inputs = mvau["weight_bits"], mvau["input_bits"]
    spare = DSP48_PORT[dsp_block] - (0 if narrow else 1) - weights
    lanes = 1 + max(0, spare) // (weights + inputs - 1)
    return int(mvau["simd"] * math.ceil(mvau["pe"] / lanes))
