"""The entry of the import stage: FINN+ is made importable first, which takes seconds."""

from __future__ import annotations

from finn_worker import toolchain
from stagekit import Reporter, Request


def import_model(request: Request, reporter: Reporter) -> None:
    """See `finn_worker.imported.stage.import_model`."""
    toolchain.import_layers()
    from finn_worker.imported import stage  # noqa: PLC0415

    stage.import_model(request, reporter)
