"""What the bundle and its testbench cannot represent: refused before anything is collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finn.util.basic import getHWCustomOp
from qonnx.core.modelwrapper import ModelWrapper

from finn_worker.rtl import layers
from stagekit import StageError

# Attributes of any node that change its ports or its clocks, the only value that the bundle's top
# module serves, and what another value would need.
ATTRIBUTES: Mapping[str, tuple[Any, str]] = {
    "mem_mode": ("internal_decoupled", "weights that come from outside need a port of their own"),
    "runtime_writeable_weights": (0, "nothing writes over AXI-Lite"),
    "dynamic_mode": (0, "nothing writes over AXI-Lite"),
    "pumpedMemory": (0, "there is no second clock of twice the frequency"),
    "pumpedCompute": (0, "there is no second clock of twice the frequency"),
    "mlo_max_iter": (0, "nothing selects one of several sets of parameters"),
    "bodies": (0, "nothing selects one of several sets of parameters"),
    "TH": (1, "tiles reach the layer in another order"),
    "noActivation": (1, "the MVAU in RTL has no activation of its own"),
    "binaryXnorMode": (0, "the MVAU in RTL multiplies"),
    "depth_monitor": (0, "nothing reads the counters"),
}
# UltraRAM starts empty: FINN leaves its contents to the driver.
NOT_ULTRA = ("ram_style", "ultra", "UltraRAM has no contents until somebody writes them")
# Of the images' file, and of the integers that the testbench writes.
INPUT_BITS, OUTPUT_BITS = 8, 64


def check_nodes(model: ModelWrapper, nodes: Sequence[Any]) -> None:
    """Raise `StageError` for the first node that would be simulated otherwise than it is built.

    Args:
        model: The graph.
        nodes: Its nodes from input to output.
    """
    for node in nodes:
        if not node.op_type.endswith("_rtl") and not layers.has(node.op_type):
            raise StageError(
                f"Layer '{node.name}' ({node.op_type}) has no RTL to simulate.",
                "Use layers that FINN+ has in RTL; see the list of supported layers.",
            )
        layer = getHWCustomOp(node)
        if not layers.has(node.op_type):  # `layers.write` knows which variants are right
            _check_attributes(node.name, layer)
        _check_weights(node, layer, model)
        _check_datatype(node.name, "inputs", layer.get_input_datatype())
        _check_datatype(node.name, "outputs", layer.get_output_datatype())
    _check_ends(nodes)


def _check_attributes(name: str, layer: Any) -> None:
    known = layer.get_nodeattr_types()
    for attribute, (served, reason) in ATTRIBUTES.items():
        if attribute in known and layer.get_nodeattr(attribute) != served:
            raise _refusal(name, attribute, layer.get_nodeattr(attribute), served, reason)
    attribute, refused, reason = NOT_ULTRA
    if attribute in known and layer.get_nodeattr(attribute) == refused:
        raise _refusal(name, attribute, refused, "auto", reason)


def _refusal(name: str, attribute: str, value: Any, served: Any, reason: str) -> StageError:
    return StageError(
        f"Layer '{name}' has {attribute} = {value}, which is not simulated: {reason}.",
        f"Compile it with {attribute} = {served}.",
    )


def _check_weights(node: Any, layer: Any, model: ModelWrapper) -> None:
    if not node.op_type.startswith("MVAU"):
        return
    if model.get_initializer(node.input[1]) is None:
        raise StageError(
            f"The weights of layer '{node.name}' come from outside the accelerator.",
            "Only layers with constant weights can be simulated.",
        )
    datatype = layer.get_input_datatype(1)
    _check_datatype(node.name, "weights", datatype)
    if not datatype.signed():
        raise StageError(
            f"Layer '{node.name}' has weights of {datatype.name}; the MVAU in RTL takes them for "
            "signed numbers.",
            "Use signed weights of at least 2 bits.",
        )


def _check_datatype(name: str, what: str, datatype: Any) -> None:
    # Bits 0 and 1 stand for -1 and 1 there, which no RTL layer and no testbench knows.
    if datatype.is_integer() and datatype.name != "BIPOLAR":
        return
    raise StageError(
        f"Layer '{name}' has {what} of {datatype.name}; only integers can be simulated.",
        "Quantize to integers of at least 2 bits.",
    )


def _check_ends(nodes: Sequence[Any]) -> None:
    first, last = (getHWCustomOp(node) for node in (nodes[0], nodes[-1]))
    datatype = first.get_input_datatype()
    if datatype.bitwidth() > INPUT_BITS:
        raise StageError(
            f"The accelerator takes {datatype.name}; images are bytes.",
            f"Use inputs of at most {INPUT_BITS} bits.",
        )
    datatype = last.get_output_datatype()
    if datatype.bitwidth() > OUTPUT_BITS:
        raise StageError(
            f"The accelerator gives {datatype.name}, of more than {OUTPUT_BITS} bits.",
            "Use fewer bits for weights or activations.",
        )
