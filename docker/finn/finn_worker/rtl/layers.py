"""Layers that FINN+ has in HLS only, as Verilog of ours for the simulation.

Vitis HLS would build the original. A module of ours computes the same values in the same order of
beats, with the interval that FINN+ estimates; what it does not compare is the HLS' latency.
`docker/finn/tests/test_rtl_layers.py` holds each one to the layer's execution in Python.
docs/decisions/0028-layers-without-rtl.md has the reasons.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finn.util.basic import getHWCustomOp
from qonnx.core.modelwrapper import ModelWrapper

from stagekit import StageError

FOLDER = Path(__file__).resolve().parents[2] / "rtl" / "layers"

Parameters = dict[str, int | str]


@dataclass(frozen=True, kw_only=True)
class _Port:
    """A stream of a layer, at the ports of the module that stands for it.

    Attributes:
        name: Of the layer's port, such as "in0_V".
        prefix: Of the module's ports, such as "i" for idat, ivld and irdy; with an index for one of
            several.
        bits: That a beat has, before it is padded to whole bytes.
        is_input: Whether the layer takes it.
        index: In a vector of handshakes; None where each is a port of its own.
    """

    name: str
    prefix: str
    bits: int
    is_input: bool
    index: int | None = None


@dataclass(frozen=True, kw_only=True)
class Written:
    """The Verilog of one layer.

    Attributes:
        module: Name of the wrapper, which has the ports of a layer of FINN's.
        wrapper: Its text.
        source: The module that the wrapper instantiates.
        memories: Contents by file name.
    """

    module: str
    wrapper: str
    source: Path
    memories: Mapping[str, str] = field(default_factory=dict)


def has(op_type: str) -> bool:
    """Whether there is a module for this kind of layer."""
    return op_type in _PARAMETERS


def write(node: Any, model: ModelWrapper) -> Written:
    """The Verilog of a layer in HLS.

    Args:
        node: Specialised and folded.
        model: Holds its weights.

    Raises:
        StageError: The layer is a variant of its kind that was not proven.
    """
    layer = getHWCustomOp(node)
    source, parameters = _PARAMETERS[node.op_type](node, layer)
    memories = {}
    if "INIT_FILE" in parameters:
        weights = model.get_initializer(node.input[1])
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "weights.dat"
            layer.make_weight_file(weights, "decoupled_verilog_dat", str(file))
            memories[str(parameters["INIT_FILE"])] = file.read_text(encoding="utf-8")
    module = source.removesuffix(".sv")
    wrapper = _wrapper(node, module, parameters, _ports(node, layer))
    return Written(module=node.name, wrapper=wrapper, source=FOLDER / source, memories=memories)


def _pool(node: Any, layer: Any) -> tuple[str, Parameters]:
    function = layer.get_nodeattr("Function")
    if function not in {"MaxPool", "AccPool", "QuantAvgPool"}:
        raise _refusal(node, f"computes {function}", "maxima, sums and shifted sums")
    return "pool_layer.sv", {
        "KERNEL": math.prod(layer.get_nodeattr("KernelSize")),
        "PE": layer.get_nodeattr("PE"),
        "IN_BITS": _bits(layer.get_input_datatype()),
        "OUT_BITS": _bits(layer.get_output_datatype()),
        "SIGNED": _signed(layer.get_input_datatype()),
        "MAXIMUM": int(function == "MaxPool"),
        "SHIFT": layer.get_nodeattr("Size") if function == "QuantAvgPool" else 0,
    }


def _vvau(node: Any, layer: Any) -> tuple[str, Parameters]:
    if layer.get_nodeattr("SIMD") != 1:
        raise _refusal(node, "takes several pixels of a window at once", "SIMD = 1")
    if not layer.get_nodeattr("noActivation") or layer.get_nodeattr("binaryXnorMode"):
        raise _refusal(node, "has an activation of its own", "thresholds as a layer of their own")
    weights = layer.get_input_datatype(1)
    return "vvau_layer.sv", {
        "KERNEL": math.prod(layer.get_nodeattr("Kernel")),
        "FOLDS": layer.get_nodeattr("Channels") // layer.get_nodeattr("PE"),
        "PE": layer.get_nodeattr("PE"),
        "IN_BITS": _bits(layer.get_input_datatype()),
        "WEIGHT_BITS": _bits(weights),
        "OUT_BITS": _bits(layer.get_output_datatype()),
        "IN_SIGNED": _signed(layer.get_input_datatype()),
        "WEIGHT_SIGNED": _signed(weights),
        "INIT_FILE": f"{node.name}_memblock.dat",
    }


def _duplicate_streams(node: Any, layer: Any) -> tuple[str, Parameters]:
    return "duplicate_streams_layer.sv", {
        "OUTPUTS": len(node.output),
        "WIDTH": layer.get_instream_width(),
    }


def _elementwise_add(node: Any, layer: Any) -> tuple[str, Parameters]:
    if layer.get_nodeattr("lhs_style") == "const" or layer.get_nodeattr("rhs_style") == "const":
        raise _refusal(node, "adds a constant", "sums of two streams")
    if list(layer.lhs_shape) != list(layer.rhs_shape):
        raise _refusal(node, "adds tensors of two shapes", "tensors of one shape")
    left, right = layer.get_input_datatype(0), layer.get_input_datatype(1)
    return "elementwise_add_layer.sv", {
        "PE": layer.get_nodeattr("PE"),
        "LEFT_BITS": _bits(left),
        "RIGHT_BITS": _bits(right),
        "OUT_BITS": _bits(layer.get_output_datatype()),
        "LEFT_SIGNED": _signed(left),
        "RIGHT_SIGNED": _signed(right),
    }


def _global_acc_pool(_: Any, layer: Any) -> tuple[str, Parameters]:
    return "global_acc_pool_layer.sv", {
        "PIXELS": math.prod(layer.get_nodeattr("numInputVectors")),
        "FOLDS": layer.get_nodeattr("NumChannels") // layer.get_nodeattr("PE"),
        "PE": layer.get_nodeattr("PE"),
        "IN_BITS": _bits(layer.get_input_datatype()),
        "OUT_BITS": _bits(layer.get_output_datatype()),
        "SIGNED": _signed(layer.get_input_datatype()),
    }


def _label_select(node: Any, layer: Any) -> tuple[str, Parameters]:
    if layer.get_nodeattr("K") != 1:
        raise _refusal(node, f"gives the {layer.get_nodeattr('K')} largest labels", "the largest")
    return "label_select_layer.sv", {
        "FOLDS": layer.get_nodeattr("Labels") // layer.get_nodeattr("PE"),
        "PE": layer.get_nodeattr("PE"),
        "IN_BITS": _bits(layer.get_input_datatype()),
        "OUT_BITS": _bits(layer.get_output_datatype()),
        "SIGNED": _signed(layer.get_input_datatype()),
    }


_PARAMETERS: Mapping[str, Callable[[Any, Any], tuple[str, Parameters]]] = {
    "Pool_hls": _pool,
    "VVAU_hls": _vvau,
    "DuplicateStreams_hls": _duplicate_streams,
    "ElementwiseAdd_hls": _elementwise_add,
    "GlobalAccPool_hls": _global_acc_pool,
    "LabelSelect_hls": _label_select,
}


def _ports(node: Any, layer: Any) -> list[_Port]:
    """The streams of a layer; weights and other constants are none."""
    two = node.op_type == "ElementwiseAdd_hls"
    ports = [
        _Port(
            name=f"in{index}_V",
            prefix=("l", "r")[index] if two else "i",
            bits=layer.get_instream_width(index),
            is_input=True,
        )
        for index in range(2 if two else 1)
    ]
    several = node.op_type == "DuplicateStreams_hls"
    return ports + [
        _Port(
            name=f"out{index}_V",
            prefix="o",
            bits=layer.get_outstream_width(index),
            is_input=False,
            index=index if several else None,
        )
        for index in range(len(node.output))
    ]


def _wrapper(node: Any, module: str, parameters: Parameters, ports: list[_Port]) -> str:
    """A module with a layer's ports, whose data are padded to whole bytes."""
    values = ",\n".join(
        f"\tparameter  {name} = " + (f'"{value}"' if isinstance(value, str) else str(int(value)))
        for name, value in parameters.items()
    )
    given = ", ".join(f".{name}({name})" for name in parameters)
    declared = "".join(_declaration(port) for port in ports)
    joined, pins = _connections(ports)
    return (
        f"// Generated: {node.name}, which FINN+ has in HLS only, by a module that stands for it.\n"
        f"module {node.name} #(\n{values}\n)(\n\tinput  ap_clk,\n\tinput  ap_rst_n{declared}\n);\n"
        f"{joined}\t{module} #({given}) layer (\n"
        f"\t\t.clk(ap_clk), .rst(!ap_rst_n){pins}\n\t);\n"
        f"endmodule : {node.name}\n"
    )


def _declaration(port: _Port) -> str:
    there, back = ("input", "output") if port.is_input else ("output", "input")
    width = (port.bits + 7) // 8 * 8
    return (
        f",\n\t{there}  [{width}-1:0]  {port.name}_TDATA,"
        f"\n\t{there}  {port.name}_TVALID,\n\t{back}  {port.name}_TREADY"
    )


def _connections(ports: list[_Port]) -> tuple[str, str]:
    """Nets inside of the wrapper, and the pins of the module."""
    nets, pins = "", ""
    for port in ports:
        data = f"{port.prefix}dat_{port.bits}"
        valid, ready = f"{port.name}_TVALID", f"{port.name}_TREADY"
        if port.is_input:
            pins += f",\n\t\t.{port.prefix}dat({port.name}_TDATA[{port.bits}-1:0])"
        else:
            nets += f"\tassign  {port.name}_TDATA = {(port.bits + 7) // 8 * 8}'({data});\n"
        if not port.is_input and not port.index:
            nets = f"\twire [{port.bits}-1:0]  {data};\n" + nets
            pins += f",\n\t\t.{port.prefix}dat({data})"
        if port.index is None:
            pins += f", .{port.prefix}vld({valid}), .{port.prefix}rdy({ready})"
    vector = [port.name for port in reversed(ports) if port.index is not None]
    if vector:
        valid, ready = (
            ", ".join(f"{n}_{signal}" for n in vector) for signal in ("TVALID", "TREADY")
        )
        pins += f", .ovld({{{valid}}}), .ordy({{{ready}}})"
    return nets, pins


def _bits(datatype: Any) -> int:
    return int(datatype.bitwidth())


def _signed(datatype: Any) -> int:
    return int(datatype.signed())


def _refusal(node: Any, what: str, proven: str) -> StageError:
    return StageError(
        f"Layer '{node.name}' {what}; FINN+ has it in HLS only, and what stands for it in the "
        f"simulation is proven for {proven}.",
        "Use another layer in its place.",
    )
