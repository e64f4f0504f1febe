"""The entry of the search stage: FINN+ is made importable first, which takes seconds."""

from __future__ import annotations

from finn_worker import toolchain
from stagekit import Reporter, Request


def search_network(request: Request, reporter: Reporter) -> None:
    """See `finn_worker.search.stage.search_network`."""
    toolchain.import_layers()
    from finn_worker.search import stage  # noqa: PLC0415

    stage.search_network(request, reporter)
