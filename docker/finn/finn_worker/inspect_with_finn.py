"""The entry of the inspect stage: FINN+ is made importable first, which takes seconds."""

from __future__ import annotations

from finn_worker import toolchain
from stagekit import Reporter, Request


def inspect_model(request: Request, reporter: Reporter) -> None:
    """See `finn_worker.inspect.inspect_model`."""
    toolchain.import_layers()
    from finn_worker import inspect as stage  # noqa: PLC0415

    stage.inspect_model(request, reporter)
