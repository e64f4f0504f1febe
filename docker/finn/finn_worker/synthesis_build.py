"""FINN+'s build with Vivado, in a process of its own: `python -m ... plan.json`.

Follows FINN+'s own steps. The FIFO depths are those that the RTL simulation found, at least 32,
since layers built in HLS do not keep exactly the timing of the simulated RTL.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

SHALLOWEST = 32


def depths_for(streams: int, simulated: list[int]) -> list[int]:
    """FIFO depths of `streams` streams: a power of two each, from those of the simulated graph.

    Where the graph to build has another number of streams, each gets the deepest.
    """
    fitting = simulated if len(simulated) == streams else [max(simulated, default=0)] * streams
    return [max(SHALLOWEST, 1 << (depth - 1).bit_length()) for depth in fitting]


def build(plan: dict[str, Any]) -> None:
    """Everything from the specialised graph to the bitstream and the driver's settings."""
    from finn_worker import toolchain  # noqa: PLC0415

    toolchain.import_layers()
    toolchain.prepare(Path(plan["build_dir"]))
    import finn.xsi  # noqa: PLC0415

    # The builder's module imports this name, which only FINN's own RTL simulation needs; merely
    # asking whether it is there looks for that simulation's library.
    finn.xsi.SimEngine = None
    from finn.builder import build_dataflow_steps as steps  # noqa: PLC0415
    from finn.builder.build_dataflow_config import (  # noqa: PLC0415
        DataflowBuildConfig,
        DataflowOutputType,
        ShellFlowType,
    )
    from finn.util.settings import get_settings  # noqa: PLC0415
    from qonnx.core.modelwrapper import ModelWrapper  # noqa: PLC0415

    get_settings().num_default_workers = plan["cpus"]
    output = Path(plan["output"])
    config = DataflowBuildConfig(
        output_dir=str(output),
        synth_clk_period_ns=plan["clock_ns"],
        board=plan["board"],
        shell_flow_type=ShellFlowType.VIVADO_ZYNQ,
        auto_fifo_depths=False,
        generate_outputs=[DataflowOutputType.BITFILE, DataflowOutputType.PYNQ_DRIVER],
    )
    for name in ("report", "bitfile", "driver", "intermediate_models"):
        (output / name).mkdir(parents=True, exist_ok=True)
    model = insert_fifos(ModelWrapper(plan["model"]), plan["depths"], plan["part"])
    for step in (
        steps.step_hw_codegen,
        steps.step_hw_ipgen,
        steps.step_synthesize_bitfile,
        steps.step_make_driver,
    ):
        print(f"step {step.__name__}", file=sys.stderr, flush=True)
        model = step(model, config)
    project = Path(model.get_metadata_prop("vivado_pynq_proj"))
    for found in project.rglob("*power_routed.rpt"):
        shutil.copy(found, output / "report" / "power.rpt")


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

    nodes = list(model.graph.node)
    depths = depths_for(len(nodes) + 1, simulated)
    for number, node in enumerate(nodes):
        layer = getCustomOp(node)
        layer.set_nodeattr("inFIFODepths", [depths[number]])
        layer.set_nodeattr("outFIFODepths", [depths[number + 1]])
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
