"""The request of a stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from contract import fields, wire
from contract.fields import Misfit
from stagekit.errors import StageError

Spec = TypeVar("Spec")


@dataclass(frozen=True, kw_only=True)
class Request(wire.Request):
    """A stage to run, as a worker sees it."""

    def parse(self, spec_type: type[Spec]) -> Spec:
        """The spec; raises `StageError` where a field is not as declared."""
        try:
            return fields.parse(spec_type, self.spec)
        except Misfit as misfit:
            raise StageError(f"{misfit.field} {misfit.what}.", misfit.remedy) from misfit

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write `metrics.json`: the stage's results, deterministic, read by later stages."""
        text = json.dumps(metrics, indent=1, sort_keys=True, allow_nan=False)
        (self.outputs / "metrics.json").write_text(text + "\n", encoding="utf-8")
