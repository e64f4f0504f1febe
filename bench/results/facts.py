"""The facts of each point: metrics by stage, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bench.grids.experiment import Point
from bench.pipeline import Step, Survey
from bench.results.registry import Facts
from bench.words import State, Status


def facts_of(points: Iterable[Point], survey: Survey) -> Iterator[Facts]:
    """The facts of each of `points`; `survey` is of these points, or of more."""
    for point in points:
        steps = survey.steps_of(point)
        metrics = {name: step.metrics for name, step in steps.items() if step.entry}
        state = survey.state_of(point)
        if state.status == Status.DONE:
            state = replace(state, reason=metrics.get("compile", {}).get("folding_note"))
        yield Facts(
            point=point,
            metrics=metrics,
            state=state,
            stages={n: _optional(step) for n, step in steps.items() if step.task.stage.optional},
            runner=_runner(steps.values()),
        )


def _runner(steps: Iterable[Step]) -> str | None:
    """The runner of the worker stages; several, joined, if the store holds a mixture."""
    runners = {step.entry.manifest.environment["runner"] for step in steps if step.entry}
    return "+".join(sorted(runners - {"host"})) or None


def _optional(step: Step) -> State:
    """How an optional stage ended, or why it did not run."""
    return State(status=step.status, reason=None if step.status == Status.MISSING else step.reason)
