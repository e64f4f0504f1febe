"""What a run was expected to take, and what it took: `timing.json` beside the results."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.errors import StoreError, store_error
from bench.pipeline import Forecast, Summary, Task

FILE = "timing.json"
# A prediction further off than by this factor is pointed out.
FACTOR = 1.5


def write_forecast(forecast: Forecast, folder: Path) -> None:
    """Save what is expected, before a run starts; nothing if nothing is to run.

    Raises:
        StoreError: The folder cannot be written.
    """
    if forecast.predictions:
        stages = [
            {
                "stage": stage.stage,
                "tasks": stage.to_run,
                "predicted_seconds": stage.seconds,
                "actual_seconds": None,
            }
            for stage in forecast.stages
            if stage.to_run
        ]
        _write(forecast, stages, None, folder)


def expectation(forecast: Forecast) -> str:
    """How long a run will take, as the end of a sentence; empty if nothing is to run."""
    if not forecast.predictions:
        return ""
    source = "earlier runs" if forecast.from_earlier_runs else "defaults"
    return f"; about {forecast.wall_seconds:.0f} s, by {source}"


def write_timing(
    forecast: Forecast, tasks: list[Task], summary: Summary, folder: Path
) -> dict[str, Any]:
    """Set what a run took beside what was expected; only tasks that were made count.

    Returns:
        As in the file: `stages`, one object each, and `totals`. Empty if nothing was made; then
        the file of the run that did the work stays.

    Raises:
        StoreError: The folder cannot be written.
    """
    rows: dict[str, dict[str, Any]] = {}
    for task in tasks:
        outcome, expected = summary.outcomes.get(task.id), forecast.predictions.get(task.id)
        made = outcome is not None and outcome.entry is not None and outcome.status != "kept"
        if not made or expected is None:
            continue
        assert outcome is not None
        assert outcome.entry is not None
        row = rows.setdefault(
            task.stage.name,
            {"stage": task.stage.name, "tasks": 0, "predicted_seconds": 0.0, "actual_seconds": 0.0},
        )
        row["tasks"] += 1
        row["predicted_seconds"] += expected.cost.seconds
        row["actual_seconds"] += outcome.entry.manifest.seconds
    if not rows:
        return {}
    return _write(forecast, list(rows.values()), summary.seconds, folder)


def read_timing(folder: Path) -> dict[str, Any]:
    """The timing in a report's folder; empty when there is none.

    Raises:
        StoreError: It is not one.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        timing: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not timing:
            raise ValueError("it is empty")
        timing_line(timing)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{path} is not a timing: {error!r}.", "Delete it.") from error
    return timing


def timing_line(timing: dict[str, Any]) -> str:
    """One sentence; empty where nothing was made, or the run has not ended."""
    if not timing or timing["totals"]["actual_wall_seconds"] is None:
        return ""
    totals = timing["totals"]
    took, expected = totals["actual_wall_seconds"], totals["predicted_wall_seconds"]
    ratio = took / expected if expected else 0.0
    verdict = f"{ratio:.2f} times that" if ratio else "nothing was expected"
    if ratio and not 1 / FACTOR <= ratio <= FACTOR:
        verdict += f": off by more than {FACTOR}"
    source = "earlier runs" if timing["from_earlier_runs"] else "defaults"
    return (
        f"{totals['tasks']} tasks took {took:.0f} s; {expected:.0f} s were expected, "
        f"from {source} ({verdict})."
    )


def _write(
    forecast: Forecast, stages: list[dict[str, Any]], seconds: float | None, folder: Path
) -> dict[str, Any]:
    actual = None if seconds is None else sum(row["actual_seconds"] for row in stages)
    timing = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": forecast.machine,
        "jobs": forecast.jobs,
        "from_earlier_runs": forecast.from_earlier_runs,
        "stages": stages,
        "totals": {
            "tasks": sum(row["tasks"] for row in stages),
            "predicted_seconds": sum(row["predicted_seconds"] for row in stages),
            "actual_seconds": actual,
            "predicted_wall_seconds": forecast.wall_seconds,
            "actual_wall_seconds": seconds,
        },
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{FILE}.tmp"
        temporary.write_text(json.dumps(timing, indent=1) + "\n", encoding="utf-8")
        temporary.replace(folder / FILE)
    except OSError as error:
        raise store_error(error, folder) from error
    return timing
