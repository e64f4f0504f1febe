"""Designs that compute something else than the trained model, as an error of a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.console.text import counted
from bench.errors import WrongDesign
from bench.pipeline import Summary
from bench.words import Status

SHOWN = 3


@dataclass(frozen=True)
class Wrong:
    """A row that is wrong, why, and the log of the stage that found it, if that is at hand."""

    row: str
    reason: str
    log: Path | None = None


def of_run(summary: Summary) -> list[Wrong]:
    """What a run found, or had found before."""
    return [
        Wrong(row, outcome.reason, outcome.entry.folder / "log.txt" if outcome.entry else None)
        for outcome in summary.wrong
        for row in outcome.task.serves
    ]


def of_results(results: pd.DataFrame) -> list[Wrong]:
    """What a table of results says."""
    rows = results[results["status"].eq(Status.WRONG)]
    return [
        Wrong(str(row), str(reason))
        for row, reason in zip(rows["experiment"], rows["reason"], strict=True)
    ]


def error(found: Sequence[Wrong]) -> WrongDesign:
    """The error that names `found`, of which there has to be one."""
    rows = counted(len(found), "row computes", "rows compute")
    lines = [f"{one.row}: {one.reason}" for one in found[:SHOWN]]
    more = [f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return WrongDesign(
        "\n".join([f"{rows} something else than the trained model.", *lines, *more]),
        "Do not use these designs. What running them has shown is left out of tables, figures, "
        "ratios and claims; `bench why ROW` tells what is behind one. If the reason does not say "
        "what to change, please report it with the log.",
        found[0].log,
    )


def require_none(results: pd.DataFrame) -> None:
    """Raise `WrongDesign` if a row of `results` is wrong."""
    if found := of_results(results):
        raise error(found)
