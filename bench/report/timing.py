"""Expected and actual times of a run: `timing.json` beside the results."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from bench.console.text import counted, duration_text
from bench.errors import StoreError, store_error
from bench.input.schema import first_problem
from bench.pipeline import Forecast, Summary, Task
from bench.system.files import read_bytes, write_atomic

FILE = "timing.json"
PREDICTION = "prediction.json"
# The last two rows: the sum over all stages, and the time from start to end.
TOTAL, CLOCK = "total", "on the clock"
# A prediction that is off by more than this factor is pointed out.
FACTOR = 1.5

_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Row(BaseModel):
    stage: str
    tasks: Annotated[int, Field(ge=0)]
    predicted_seconds: _Seconds
    actual_seconds: _Seconds


class _Clock(_Row):
    date: str
    machine: str
    jobs: int
    from_earlier_runs: bool


_ROWS = TypeAdapter(Annotated[list[_Row], Field(min_length=1)])

Rows = list[dict[str, Any]]
"""Objects with `stage`, `tasks`, `predicted_seconds` and `actual_seconds`; one for each stage,
then `total` and `on the clock`, which says of which run they are, too."""


def write_forecast(forecast: Forecast, folder: Path) -> None:
    """Save the expected times before a run starts, as `prediction.json`.

    Raises:
        StoreError: The folder cannot be written.
    """
    rows = [_row(s.stage, s.to_run, s.seconds, None) for s in forecast.stages if s.to_run]
    if rows:
        _write(_with_totals(rows, forecast, None), folder / PREDICTION)


def expectation(forecast: Forecast) -> str:
    """How long a run will take, as the end of a sentence; empty if nothing is to run."""
    if not forecast.predictions:
        return ""
    source = "earlier runs" if forecast.from_earlier_runs else "defaults"
    return f"; about {duration_text(forecast.wall_seconds)}, by {source}"


def write_timing(forecast: Forecast, tasks: list[Task], summary: Summary, folder: Path) -> Rows:
    """Write expected and actual times to `timing.json`; only tasks that ran count.

    Returns:
        As in the file; empty if nothing ran: then the file of the run that did the work stays.

    Raises:
        StoreError: The folder cannot be written.
    """
    rows: dict[str, dict[str, Any]] = {}
    for task in tasks:
        outcome, expected = summary.outcomes.get(task.id), forecast.predictions.get(task.id)
        if outcome is None or expected is None or outcome.entry is None:
            continue
        if outcome.status != "kept":
            row = rows.setdefault(task.stage.name, _row(task.stage.name, 0, 0.0, 0.0))
            row["tasks"] += 1
            row["predicted_seconds"] += expected.cost.seconds
            row["actual_seconds"] += outcome.entry.manifest.seconds
    if not rows:
        return []
    timing = _with_totals(list(rows.values()), forecast, summary.seconds)
    _write(timing, folder / FILE)
    (folder / PREDICTION).unlink(missing_ok=True)
    return timing


def read_timing(folder: Path) -> Rows:
    """The timing in a report's folder; empty when there is none.

    Raises:
        StoreError: The file is not a timing.
    """
    path = folder / FILE
    try:
        content = read_bytes(path)
        _ROWS.validate_json(content, strict=True)
        rows: Rows = json.loads(content)
        _Clock.model_validate(_clock(rows), strict=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise store_error(error, path) from error
    except ValidationError as error:
        raise StoreError(
            f"{path} is not a timing: {first_problem(error)}.", "Delete it."
        ) from error
    return rows


def _clock(timing: Rows) -> dict[str, Any]:
    """The row of the whole run; empty where there is none."""
    return next((row for row in timing if row["stage"] == CLOCK), {})


def stage_rows(timing: Rows) -> Rows:
    """Those of single stages."""
    return [row for row in timing if row["stage"] not in (TOTAL, CLOCK)]


def timing_line(timing: Rows) -> str:
    """A sentence that compares the expected time from start to end with the actual time."""
    clock = _clock(timing)
    took, expected = float(clock["actual_seconds"]), float(clock["predicted_seconds"])
    verdict = f"{took / expected:.2f} times that" if expected else "nothing"
    if expected and not 1 / FACTOR <= took / expected <= FACTOR:
        verdict += f": off by a factor of more than {FACTOR}"
    source = "earlier runs" if clock["from_earlier_runs"] else "defaults"
    return (
        f"{counted(clock['tasks'], 'task')} took {duration_text(took)}; expected, from {source}: "
        f"{duration_text(expected)} ({verdict})."
    )


def _row(stage: str, tasks: int, predicted: float, actual: float | None) -> dict[str, Any]:
    return {
        "stage": stage,
        "tasks": tasks,
        "predicted_seconds": predicted,
        "actual_seconds": actual,
    }


def _with_totals(rows: Rows, forecast: Forecast, seconds: float | None) -> Rows:
    tasks = sum(row["tasks"] for row in rows)
    predicted = sum(row["predicted_seconds"] for row in rows)
    actual = None if seconds is None else sum(row["actual_seconds"] for row in rows)
    run = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": forecast.machine,
        "jobs": forecast.jobs,
        "load": round(os.getloadavg()[1], 2),  # over the last five minutes
        "from_earlier_runs": forecast.from_earlier_runs,
    }
    clock = _row(CLOCK, tasks, forecast.wall_seconds, seconds)
    return [*rows, _row(TOTAL, tasks, predicted, actual), clock | run]


def _write(rows: Rows, path: Path) -> None:
    try:
        write_atomic(path, json.dumps(rows, indent=1) + "\n")
    except OSError as error:
        raise store_error(error, path) from error
