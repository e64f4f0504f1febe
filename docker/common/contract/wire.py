"""Messages between the orchestrator and a worker (docs/reference/wire.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

WIRE_VERSION = 3
ENDINGS = ("done", "wrong", "infeasible", "failed")
"""How a stage may end; all but the last are results."""

AnyRequest = TypeVar("AnyRequest", bound="Request")


class WireError(ValueError):
    """A file that is not of this version of the wire."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One stage to run. Paths are those that the worker sees.

    Attributes:
        stage: The stage's name.
        entry: The function that does it, as `module:function`.
        tools: Distributions whose versions belong into the manifest.
        key: The artifact's key, 64 hexadecimal digits.
        spec: The stage's own parameters, as JSON values.
        inputs: Folder with the files of each artifact that the stage needs, by role; read-only.
        outputs: Empty folder; what is left in it becomes the artifact.
        scratch: Empty folder, deleted afterwards.
        cache: Folder kept between runs for build products; a stage keys its entries by content.
        result: Where the worker writes its result.
        cpus: Processors the stage may keep busy.
        stop_on_eof: Whether to stop when standard input closes, as when the orchestrator dies.
    """

    stage: str
    entry: str = ""
    tools: tuple[str, ...] = ()
    key: str = ""
    spec: Mapping[str, Any]
    inputs: Mapping[str, Path]
    outputs: Path
    scratch: Path
    cache: Path
    result: Path
    cpus: int
    stop_on_eof: bool = False

    def write(self, path: Path) -> None:
        """Write the request as JSON to `path`."""
        data = {"wire": WIRE_VERSION, **asdict(self)}
        path.write_text(json.dumps(data, indent=1, sort_keys=True, default=str) + "\n")

    @classmethod
    def load(cls: type[AnyRequest], path: Path) -> AnyRequest:
        """Read what `write` wrote; raises `WireError` if it speaks another version of the wire."""
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("wire", None) != WIRE_VERSION:
            raise WireError("The request speaks another version of the wire.")
        folders = {name: Path(data[name]) for name in ("outputs", "scratch", "cache", "result")}
        inputs = {name: Path(folder) for name, folder in data["inputs"].items()}
        return cls(**data | folders | {"inputs": inputs, "tools": tuple(data["tools"])})


@dataclass(frozen=True)
class Result:
    """How a stage ended.

    Attributes:
        status: One of `ENDINGS`.
        reason: Why, when not `done`.
        remedy: What to do about a failure.
        excerpt: What else a person should see of a failure, such as lines of their own file.
        tools: Versions of the tools that made the artifact.
        timings: Seconds by name, wall clock; no part of the artifact.
        peak_memory_bytes: Largest resident set of the stage's processes.
    """

    status: str
    reason: str
    remedy: str
    excerpt: str
    tools: Mapping[str, str]
    timings: Mapping[str, float]
    peak_memory_bytes: int

    def as_json(self) -> str:
        """The result as the worker writes it."""
        return json.dumps({"wire": WIRE_VERSION, **asdict(self)}, indent=1, sort_keys=True) + "\n"

    @classmethod
    def of_json(cls, data: Any) -> Result:
        """What `as_json` wrote, parsed; raises `WireError` if it is of another version."""
        known = {field.name for field in fields(cls)}
        if not isinstance(data, dict) or data.keys() != known | {"wire"}:
            raise WireError("it has other fields than a result")
        if data.pop("wire") != WIRE_VERSION or data["status"] not in ENDINGS:
            raise WireError("it is of another version of the wire")
        return cls(**data)
