"""The orchestrator's half of the wire; see `contract.wire`."""

from __future__ import annotations

from pathlib import Path

from bench.console.text import excerpt
from bench.errors import StageFailure
from bench.input.reading import UnreadableFile, read_json
from contract.wire import Request, Result, WireError

__all__ = ["Request", "Result", "read_result"]


def read_result(path: Path) -> Result | None:
    """The result at `path`, if the worker left one; raises `StageFailure` if it is unreadable."""
    if not path.exists():
        return None
    try:
        return Result.of_json(read_json(path))
    except UnreadableFile as error:
        what = error.what
    except (WireError, TypeError) as error:
        what = excerpt(str(error))
    raise StageFailure(
        f"The worker's result cannot be used: {what}.",
        "Rerun; if it fails again, its environment is out of date: remove it and rerun.",
    )
