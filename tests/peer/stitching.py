"""Where FINN+'s tests join nodes in a Vivado project, the worker's own accelerator stands in."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from finn.util.basic import getHWCustomOp, make_build_dir
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from finn_worker.rtl.bundle import write_bundle


class NodeOnly(Exception):
    """The rest of the test needs a design that the worker does not build."""


class Stitch(Transformation):
    """The worker's bundle of the model, in FINN+'s terms; the arguments are FINN+'s, too."""

    def __init__(self, fpgapart: str, clk_ns: float, *_: Any, **__: Any) -> None:
        super().__init__()

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        if any(_has_weights_from_outside(node) for node in model.graph.node):
            raise NodeOnly("weights from outside the accelerator")
        folder = Path(make_build_dir("stitched_"))
        write_bundle(model, folder)
        (folder / "top.v").touch()
        (folder / "all_verilog_srcs.txt").write_text(str(folder / "design.json"))
        model.set_metadata_prop("wrapper_filename", str(folder / "top.v"))
        model.set_metadata_prop("vivado_stitch_proj", str(folder))
        interfaces = {"s_axis": [("s_axis_0", 0)], "m_axis": [("m_axis_0", 0)]}
        model.set_metadata_prop("vivado_stitch_ifnames", str(interfaces))
        return model, False


def _has_weights_from_outside(node: NodeProto) -> bool:
    mode = "internal_decoupled"
    return node.op_type == "MVAU_rtl" and getHWCustomOp(node).get_nodeattr("mem_mode") != mode


class _Nothing(Transformation):
    """In place of FIFOs, which the worker's accelerator has on every stream by itself."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        return model, False


def install(module: ModuleType) -> None:
    """Replace it in a module of FINN+'s tests."""
    replacements = {
        "CreateStitchedIP": Stitch,
        "InsertFIFO": _Nothing,
        "insert_and_set_fifo_depths": lambda model, *_: model,
    }
    names = vars(module)
    names.update({name: value for name, value in replacements.items() if name in names})
