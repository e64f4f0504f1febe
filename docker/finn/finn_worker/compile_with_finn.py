"""The entry of the compile stage: FINN+ is made importable first, which takes seconds."""

from __future__ import annotations

from finn_worker import toolchain
from stagekit import Reporter, Request


def compile_model(request: Request, reporter: Reporter) -> None:
    """See `finn_worker.compile.compile_model`."""
    toolchain.import_layers()
    from finn_worker import compile as stage  # noqa: PLC0415

    stage.compile_model(request, reporter)
