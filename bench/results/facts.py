"""The facts of each point: metrics by stage, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from bench.grids.experiment import Point
from bench.pipeline import Step, Survey
from bench.results.registry import Facts
from bench.words import State, Status

BITSTREAM = "synthesize"


def facts_of(points: Iterable[Point], survey: Survey) -> Iterator[Facts]:
    """The facts of each of `points`; `survey` is of these points, or of more."""
    built = list(_built(survey))
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
            built=built,
        )


def _built(survey: Survey) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    for point in survey.points:
        steps = survey.steps_of(point)
        if BITSTREAM in steps and steps[BITSTREAM].entry:
            yield {name: step.metrics for name, step in steps.items() if step.entry}


def _runner(steps: Iterable[Step]) -> str | None:
    """The runner of the worker stages; several, joined, if the store holds a mixture."""
    runners = {step.entry.manifest.environment["runner"] for step in steps if step.entry}
    return "+".join(sorted(runners - {"host"})) or None


def _optional(step: Step) -> State:
    """How an optional stage ended, or why it did not run."""
    return State(status=step.status, reason=None if step.status == Status.MISSING else step.reason)
