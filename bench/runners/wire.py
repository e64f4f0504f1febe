"""The JSON contract between the orchestrator and the workers (docs/reference/wire.md).

The worker's half is docker/common/stagekit. The two halves never import each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.console.text import excerpt
from bench.errors import StageFailure
from bench.grids.reading import UnreadableFile, read_json
from bench.status import FAILED, FINDINGS

WIRE_VERSION = 1


@dataclass(frozen=True)
class Request:
    """One stage to run. Paths are those that the worker sees.

    Attributes:
        stage: The stage's name.
        key: The artifact's key, 64 hexadecimal digits.
        spec: The stage's own parameters.
        inputs: Folder of each needed artifact's files, by stage name.
        outputs: Empty folder; what is left in it becomes the artifact.
        scratch: Empty folder, deleted afterwards.
        cache: Folder kept between runs for build products.
        result: Where the worker writes its result.
        cpus: Processors the stage may keep busy.
        leash: Whether the worker must stop when its standard input closes.
    """

    stage: str
    key: str
    spec: Mapping[str, Any]
    inputs: Mapping[str, Path]
    outputs: Path
    scratch: Path
    cache: Path
    result: Path
    cpus: int
    leash: bool = False

    def write(self, path: Path) -> None:
        """Write the request as JSON to `path`."""
        data = {"wire": WIRE_VERSION, **asdict(self)}
        path.write_text(json.dumps(data, indent=1, sort_keys=True, default=str) + "\n")


@dataclass(frozen=True)
class Result:
    """How a stage ended.

    Attributes:
        status: `done`, `wrong`, `infeasible` or `failed`; see `bench.status`.
        reason: Why, when not `done`.
        remedy: What to do about a failure.
        tools: Versions of the tools that made the artifact.
        timings: Seconds by name, wall clock; no part of the artifact.
        peak_memory_bytes: Largest resident set of the stage's processes.
    """

    status: str
    reason: str
    remedy: str
    tools: Mapping[str, str]
    timings: Mapping[str, float]
    peak_memory_bytes: int

    @classmethod
    def read(cls, path: Path) -> Result | None:
        """The result at `path`; None when the worker left none.

        Raises:
            StageFailure: The file is not a result of this version of the wire.
        """
        if not path.exists():
            return None
        try:
            data = read_json(path)
            if data.pop("wire") == WIRE_VERSION and data["status"] in STATUSES:
                return cls(**data)
            what = "it is of another version of the wire"
        except UnreadableFile as error:
            what = error.what
        except (LookupError, TypeError, AttributeError) as error:
            what = f"{type(error).__name__}: {excerpt(str(error))}"
        raise StageFailure(
            f"The worker's result cannot be used: {what}.",
            "Rerun; if it fails again, its environment is out of date: remove it and rerun.",
        )


STATUSES = (*FINDINGS, FAILED)
