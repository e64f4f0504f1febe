"""What a stage is asked to do."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from stagekit.errors import StageError

WIRE_VERSION = 1

Spec = TypeVar("Spec")


@dataclass(frozen=True)
class Request:
    """One stage to run.

    Attributes:
        stage: The stage's name.
        spec: The stage's own parameters, as JSON values; see `parse`.
        inputs: Folder with the files of each stage that this one needs, by stage name; read-only.
        outputs: Empty folder; what is left in it becomes the artifact.
        scratch: Empty folder, deleted afterwards.
        cache: Folder kept between runs for build products; a stage keys its entries by content.
        cpus: Processors the stage may keep busy.
        result: Where `result.json` goes.
        leash: Whether to stop when standard input closes, which it does when the orchestrator
            dies.
    """

    stage: str
    spec: Mapping[str, Any]
    inputs: Mapping[str, Path]
    outputs: Path
    scratch: Path
    cache: Path
    cpus: int
    result: Path
    leash: bool

    @classmethod
    def load(cls, path: Path) -> Request:
        """Read a request file; raises `StageError` if it speaks another version of the wire."""
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.get("wire") != WIRE_VERSION:
            raise StageError(
                f"The request speaks wire version {data.get('wire')}, this worker {WIRE_VERSION}.",
                "Rebuild the environment, so that the orchestrator and the worker match.",
            )
        return cls(
            stage=data["stage"],
            spec=data["spec"],
            inputs={name: Path(folder) for name, folder in data["inputs"].items()},
            outputs=Path(data["outputs"]),
            scratch=Path(data["scratch"]),
            cache=Path(data["cache"]),
            cpus=int(data["cpus"]),
            result=Path(data["result"]),
            leash=bool(data.get("leash", False)),
        )

    def parse(self, spec_type: type[Spec]) -> Spec:
        """The spec as a frozen dataclass of type `spec_type`.

        Raises:
            StageError: The fields are not exactly those of `spec_type`.
        """
        assert dataclasses.is_dataclass(spec_type)
        expected = {field.name for field in dataclasses.fields(spec_type)}
        if expected != set(self.spec):
            raise StageError(
                f"The spec of stage '{self.stage}' has the fields {sorted(self.spec)}, "
                f"expected {sorted(expected)}.",
                "The orchestrator and the worker are of different versions; rebuild both.",
            )
        return spec_type(**self.spec)

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write `metrics.json`: the stage's findings, deterministic, read by later stages."""
        text = json.dumps(metrics, indent=1, sort_keys=True, allow_nan=False)
        (self.outputs / "metrics.json").write_text(text + "\n", encoding="utf-8")
