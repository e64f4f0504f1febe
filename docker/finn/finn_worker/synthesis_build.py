"""FINN+'s build with Vivado, in a process of its own: `python -m ... plan.json`.

Follows FINN+'s own steps. The FIFO depths are those that the RTL simulation found, at least 32,
since layers built in HLS do not keep exactly the timing of the simulated RTL.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

from finn_worker.clock import period_ns
from finn_worker.rtl.top import BLOCK_DEPTH

SHALLOWEST = 32


def depths_for(streams: int, simulated: list[int]) -> list[int]:
    """FIFO depths of `streams` streams: a power of two each, from those of the simulated graph.

    Or the deepest that is still block RAM, where only the power of two would be UltraRAM.
    Where the graph to build has another number of streams, each gets the deepest.
    """
    fitting = simulated if len(simulated) == streams else [max(simulated, default=0)] * streams
    rounded = [max(SHALLOWEST, 1 << (depth - 1).bit_length()) for depth in fitting]
    pairs = zip(fitting, rounded, strict=True)
    return [min(power, BLOCK_DEPTH) if depth <= BLOCK_DEPTH else power for depth, power in pairs]


def build(plan: dict[str, Any]) -> None:
    """Everything from the specialised graph to the bitstream and the driver's settings.

    FINN+'s own transformations, without its builder: that would bring packages for its command
    line and its reports into the environment.
    """
    from finn_worker import toolchain  # noqa: PLC0415

    toolchain.import_layers()
    toolchain.prepare(Path(plan["build_dir"]))
    _spare_the_builder()
    from finn.analysis.fpgadataflow.post_synth_res import post_synth_res  # noqa: PLC0415
    from finn.transformation.fpgadataflow.make_driver import MakePYNQDriver  # noqa: PLC0415
    from finn.transformation.fpgadataflow.make_zynq_proj import ZynqBuild  # noqa: PLC0415
    from finn.util.settings import get_settings  # noqa: PLC0415
    from qonnx.core.modelwrapper import ModelWrapper  # noqa: PLC0415

    get_settings().num_default_workers = plan["cpus"]
    os.environ["NUM_DEFAULT_WORKERS"] = str(plan["cpus"])
    output, partitions = Path(plan["output"]), Path(plan["build_dir"]) / "partitions"
    for folder in (output / "report", output / "bitfile", partitions):
        folder.mkdir(parents=True, exist_ok=True)
    board, clock_ns = plan["board"], period_ns(plan["clock_mhz"])
    model = insert_fifos(ModelWrapper(plan["model"]), plan["depths"], plan["part"])
    model = model.transform(ZynqBuild(board, clock_ns, partition_model_dir=partitions))
    driver = MakePYNQDriver("zynq-iodma", "FINNDMAOverlay", clk_period_ns=clock_ns, board=board)
    model = model.transform(driver)
    _gather(model, output, post_synth_res(model)[0])


def _spare_the_builder() -> None:
    """Let FINN+'s driver generation be imported: it takes one name from the builder's settings.

    That name, a kind of memory, is used for Alveo cards only.
    """
    stand_in = ModuleType("finn.builder.build_dataflow_config")
    vars(stand_in)["FpgaMemoryType"] = Enum("FpgaMemoryType", ["DEFAULT", "HOST_MEM"])
    sys.modules.setdefault(stand_in.__name__, stand_in)


def _gather(model: Any, output: Path, resources: dict[str, Any]) -> None:
    """Copy what FINN+ left in its own folders to where `synthesize` looks for it."""
    project = Path(model.get_metadata_prop("vivado_pynq_proj"))
    shutil.copy(model.get_metadata_prop("bitfile"), output / "bitfile" / "finn-accel.bit")
    shutil.copy(model.get_metadata_prop("hw_handoff"), output / "bitfile" / "finn-accel.hwh")
    shutil.copytree(model.get_metadata_prop("pynq_driver_dir"), output / "driver")
    report = output / "report"
    (report / "post_synth_resources.json").write_text(json.dumps(resources, indent=1))
    routed = project / "finn_zynq_link.runs" / "impl_1"
    shutil.copy(routed / "top_wrapper_timing_summary_routed.rpt", report / "post_route_timing.rpt")
    power = routed / "top_wrapper_power_routed.rpt"
    if power.exists():
        shutil.copy(power, report / "power.rpt")


def insert_fifos(model: Any, simulated: list[int], part: str) -> Any:
    """A FIFO on every stream of the graph, as deep as `depths_for` says."""
    from finn.transformation.fpgadataflow.insert_fifo import InsertFIFO  # noqa: PLC0415
    from finn.transformation.fpgadataflow.specialize_layers import (  # noqa: PLC0415
        SpecializeLayers,
    )
    from qonnx.custom_op.registry import getCustomOp  # noqa: PLC0415
    from qonnx.transformation.general import (  # noqa: PLC0415
        GiveReadableTensorNames,
        GiveUniqueNodeNames,
    )

    from finn_worker.rtl.streams import join  # noqa: PLC0415

    streams = join(model)
    depths = depths_for(len(streams), simulated)
    for side in ("consumer", "producer"):
        of_node: dict[int, dict[int, int]] = {}
        for ends, depth in zip(streams, depths, strict=True):
            if (end := getattr(ends, side)) is not None:
                of_node.setdefault(end[0], {})[end[1]] = depth
        name = "inFIFODepths" if side == "consumer" else "outFIFODepths"
        for number, ports in of_node.items():
            in_order = [ports[port] for port in sorted(ports)]
            getCustomOp(model.graph.node[number]).set_nodeattr(name, in_order)
    for transformation in (
        InsertFIFO(create_shallow_fifos=True),
        SpecializeLayers(part),
        GiveUniqueNodeNames(),
        GiveReadableTensorNames(),
    ):
        model = model.transform(transformation)
    return model


if __name__ == "__main__":
    build(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
