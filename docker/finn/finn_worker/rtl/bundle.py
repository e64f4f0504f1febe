"""Collect the RTL of a compiled accelerator into one folder that stands on its own.

The folder `rtl/` holds FINN's library modules (`lib/`), what FINN generated for each node
(`nodes/`) and the contents of the memories (`memories/`). Sources name a memory file without a
folder, so that whoever simulates or builds the bundle chooses where the memories lie, and so that
networks of equal shape have equal sources. `design.json` says how the parts go together.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finn.util.basic import getHWCustomOp
from finn.util.settings import get_settings
from qonnx.core.modelwrapper import ModelWrapper

from contract.finn.cores import LUT
from finn_worker import cores
from finn_worker.rtl import layers, lut_core
from finn_worker.rtl.checks import check_nodes
from finn_worker.rtl.layers import Written
from finn_worker.rtl.streams import Streams
from stagekit import StageError

# Of FINN's simulation helpers: never part of the hardware.
_LEFT_OUT = {"fifo_gauge.sv"}
# Library modules that nodes use without listing them.
_MEMSTREAM = ("axi/hdl/axilite.sv", "memstream/hdl/memstream.sv", "memstream/hdl/memstream_axi.sv")
# Not used by any node, but by the FIFOs that are inserted between them.
_FIFO = "fifo/hdl/fifo.sv"
# Ports that the top module connects: of every node, of one with a weight memory, of the memory.
_STREAM = r"_V_T(DATA|VALID|READY)"
_CONNECTED = rf"ap_clk|ap_rst_n|(in0|out0){_STREAM}"
_CONNECTED_WITH_WEIGHTS = rf"{_CONNECTED}|ap_clk2x|in1{_STREAM}"
_CONNECTED_OF_WEIGHTS = r"ap_clk|ap_clk2x|ap_rst_n|m_axis_0_t(data|valid|ready)"


def write_bundle(model: ModelWrapper, outputs: Path) -> None:
    """Write `outputs/rtl/` and `outputs/design.json`.

    Args:
        model: A dataflow graph with one input and one output, whose nodes have generated Verilog
            (after `steps.generate_rtl`), width converters inserted, FIFOs not.
        outputs: Existing folder.

    Raises:
        StageError: A node has no RTL, or would be simulated otherwise than it is built; or the
            graph cannot be joined by streams.
    """
    check_nodes(model, list(model.graph.node))
    collect(model, outputs)


def collect(model: ModelWrapper, outputs: Path) -> None:
    """As `write_bundle`, of a graph that need not be one that can be simulated.

    Raises:
        StageError: The graph cannot be joined by streams.
    """
    nodes = list(model.graph.node)
    streams = Streams(model)
    rtl = outputs / "rtl"
    lib = Path(get_settings().finn_rtllib)
    for folder in ("lib", "nodes", "memories"):
        (rtl / folder).mkdir(parents=True)
    described = [
        _collect_node(node, model, lib, rtl) | streams.of_node(index)
        for index, node in enumerate(nodes)
    ]
    sources = [source for node in described for source in node["sources"]]
    sources += [_copy_source(lib / _FIFO, rtl / "lib")]
    design = {
        "format": 2,
        "nodes": described,
        "streams": streams.described,
        "input": _port(getHWCustomOp(nodes[0]), "input"),
        "output": _port(getHWCustomOp(nodes[-1]), "output"),
        "sources": _in_compile_order(sources),
    }
    text = json.dumps(design, indent=1, sort_keys=True)
    (outputs / "design.json").write_text(text + "\n", encoding="utf-8")


def _collect_node(node: Any, model: ModelWrapper, lib: Path, rtl: Path) -> dict[str, Any]:
    """Copy one node's sources and memories; returns its entry in `design.json`."""
    if layers.has(node.op_type):
        return _collect_layer(layers.write(node, model), node, rtl)
    layer = getHWCustomOp(node)
    generated = Path(layer.get_nodeattr("code_gen_dir_ipgen"))
    top = layer.get_nodeattr("gen_top_module")
    files = [Path(file) for file in layer.get_rtl_file_list(abspath=True)]
    weights = generated / f"{node.name}_memstream_wrapper.v"
    if weights.exists():
        files += [lib / name for name in _MEMSTREAM] + [weights]
    core = cores.of(node)
    new: dict[str, str] = {}
    if core == LUT:
        files, new = lut_core.sources(files, f"{top}_wrapper.v")
    sources = [
        _write_source(name, text, rtl / ("nodes" if name == f"{top}_wrapper.v" else "lib"))
        for name, text in new.items()
    ]
    for file in files:
        if file.name in _LEFT_OUT:
            continue
        inside = file.is_relative_to(generated)
        sources.append(_copy_source(file, rtl / ("nodes" if inside else "lib"), node.name))
    top_file = next(rtl / s for s in sources if re.search(rf"/{top}(_wrapper)?\.v$", s))
    described = {
        "name": node.name,
        "op_type": node.op_type,
        "top_module": top,
        "sources": sources,
        "memories": _copy_memories(generated, rtl / "memories", node.name),
        **_unconnected(top_file, _CONNECTED_WITH_WEIGHTS if weights.exists() else _CONNECTED),
        "weights": None,
    }
    if core is not None:
        described["core"] = core
    if weights.exists():
        described["weights"] = {
            "module": weights.stem,
            "width_bits": int(layer.get_instream_width_padded(1)),
            **_unconnected(rtl / "nodes" / weights.name, _CONNECTED_OF_WEIGHTS),
        }
    return described


def _collect_layer(written: Written, node: Any, rtl: Path) -> dict[str, Any]:
    """The same for a layer in HLS, with what stands for it."""
    wrapper = rtl / "nodes" / f"{written.module}.v"
    wrapper.write_text(written.wrapper, encoding="utf-8")
    for name, text in written.memories.items():
        (rtl / "memories" / name).write_text(text, encoding="utf-8")
    return {
        "name": node.name,
        "op_type": node.op_type,
        "top_module": written.module,
        "sources": [_copy_source(written.source, rtl / "lib"), f"nodes/{wrapper.name}"],
        "memories": sorted(written.memories),
        "tied_low": [],
        "left_open": [],
        "weights": None,
    }


def _copy_source(file: Path, folder: Path, node: str = "") -> str:
    """Copy a source, without machine-dependent paths; returns its path inside `rtl/`."""
    text = file.read_text(encoding="utf-8")
    # The memory's file name alone, and unique: FINN calls every node's file memblock.dat.
    text = re.sub(r'(INIT_FILE\s*=\s*")[^"]+/([^"/]+")', rf"\g<1>{node}_\g<2>", text)
    return _write_source(file.name, text, folder)


def _write_source(name: str, text: str, folder: Path) -> str:
    """Write a source of that name; returns its path inside `rtl/`."""
    target = folder / name
    if target.exists() and target.read_text(encoding="utf-8") != text:
        raise StageError(
            f"Two different RTL files are called '{name}'.",
            "Report this: the generated design is inconsistent.",
        )
    target.write_text(text, encoding="utf-8")
    return f"{folder.name}/{name}"


def _copy_memories(generated: Path, folder: Path, node: str) -> list[str]:
    """Copy the memory contents under names that are unique in the design."""
    names = []
    for file in sorted(generated.glob("*.dat")):
        name = file.name if file.name.startswith(f"{node}_") else f"{node}_{file.name}"
        shutil.copyfile(file, folder / name)
        names.append(name)
    return names


def _unconnected(source: Path, connected: str) -> dict[str, list[str]]:
    """Ports of a generated wrapper that the stream connections leave: inputs, and outputs."""
    text = re.sub(r"//.*", "", source.read_text(encoding="utf-8"))
    port = r"^\s*(input|output)\s+(?:\[[^;]*?\]\s*)?(\w+)\s*(?:,|$)"
    ports = [
        (direction, name)
        for direction, name in re.findall(port, text, re.MULTILINE)
        if re.fullmatch(connected, name) is None
    ]
    return {
        "tied_low": [name for direction, name in ports if direction == "input"],
        "left_open": [name for direction, name in ports if direction == "output"],
    }


def _port(layer: Any, side: str) -> dict[str, Any]:
    """How the elements of one image lie in the beats of the accelerator's input or output."""
    shape = layer.get_folded_input_shape() if side == "input" else layer.get_folded_output_shape()
    datatype = layer.get_input_datatype() if side == "input" else layer.get_output_datatype()
    elements = math.prod(int(size) for size in shape)
    per_beat = int(shape[-1])
    return {
        "datatype": datatype.name,
        "bits": int(datatype.bitwidth()),
        "signed": bool(datatype.signed()),
        "elements": elements,
        "elements_per_beat": per_beat,
        "beats": elements // per_beat,
        "bytes_per_beat": (per_beat * int(datatype.bitwidth()) + 7) // 8,
    }


def _in_compile_order(sources: Sequence[str]) -> list[str]:
    """Each source once, packages before their users."""
    unique = sorted(set(sources))
    return sorted(unique, key=lambda source: not source.endswith("_pkg.sv"))
