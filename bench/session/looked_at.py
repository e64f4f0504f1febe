"""What `bench inspect` and `bench search` share: to look at networks, and how that ended."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from bench.console.events import Event, Finished
from bench.console.progress import make_view
from bench.console.terminal import Terminal, styled
from bench.errors import BenchError, Exit, StageFailure
from bench.grids.experiment import Point
from bench.pipeline import Resolver, Summary, Task, execute, look_up, plan
from bench.pipeline.check import check_machine, check_store
from bench.session import runners
from bench.session.inspection import RANDOM, Subject
from bench.words import Status


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """How looking at one network ended.

    Attributes:
        metrics: What there is to say of it; empty where it failed.
        reason: Why nothing can be built of it; None if something can.
        failure: The error, where it is one of the network's.
    """

    point: Point
    metrics: Mapping[str, Any]
    reason: str | None
    failure: BenchError | None

    @property
    def builds(self) -> bool:
        """Whether a design can be made of it."""
        return self.reason is None

    @property
    def title(self) -> str:
        """What it is, for people."""
        labels = self.point.labels
        bits = f" {labels.precision}" if labels.precision else ""
        images = "random images" if labels.dataset == RANDOM else labels.dataset
        return f"{labels.network}{bits} on {images}"

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        labels = asdict(self.point.labels)
        what = {name: labels[name] for name in ("network", "dataset", "weight_bits", "act_bits")}
        remedy = self.failure.remedy if self.failure else None
        ended = {"can_be_built": self.builds, "reason": self.reason, "what_to_do": remedy}
        return {**what, **ended, **self.metrics}

    def show_failure(self, console: Terminal) -> None:
        """Print why nothing can be built of it, and what to do."""
        if not self.builds:
            mark = Text("cannot be built:", "red bold")
            console.print(styled("{} {}", mark, self.reason))
        if self.failure is not None and self.failure.excerpt:
            for line in self.failure.excerpt.splitlines():
                console.print(styled("  [dim]|[/] {}", line), soft_wrap=True)
        if self.failure is not None and self.failure.remedy:
            console.print(styled("[bold]what to do:[/] {}", self.failure.remedy))
        if self.failure is not None and self.failure.log:
            console.print(styled("[bold]log:[/] {}", self.failure.log), soft_wrap=True)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """How looking at all networks of a subject ended."""

    resolver: Resolver
    summary: Summary
    found: tuple[LookedAt, ...]

    @property
    def all_build(self) -> bool:
        """Whether a design can be made of each."""
        return all(one.builds for one in self.found)

    def as_json(self) -> list[dict[str, Any]]:
        """All of it, of each."""
        return [one.as_json() for one in self.found]

    def end(self, context: click.Context) -> None:
        """End the command with what went wrong, but for what `show_failure` prints."""
        for error in self.summary.errors:
            if not isinstance(error, StageFailure):
                context.obj.explain(error)
        refused = Exit.OK if self.all_build else Exit.STAGE_FAILED
        context.exit(int(self.summary.exit_code or refused))


def look(subject: Subject, store_path: Path, runner: str) -> Looked:
    """Everything that it takes, from the store or made now."""
    choice = runners.choose_runner(runner, store_path, runners.limits_of(subject.grid))
    runners.prepare_runner(choice)
    resolver = runners.open_resolver(store_path, choice, subject.grid)
    tasks = plan(subject.points, subject.stages)
    missing = look_up(tasks, resolver, subject.points, verify=True).missing
    check_store(resolver.store, missing)
    check_machine(missing, resolver, None)
    cpus = runners.available_cpus()
    with make_view(Terminal(stderr=True, soft_wrap=not sys.stderr.isatty())) as view:
        summary = execute(
            tasks, resolver, cpus, cpus, lambda event: view.show(_in_short(event)), missing=missing
        )
    found = tuple(_found(subject, tasks, summary))
    return Looked(resolver=resolver, summary=summary, found=found)


def _in_short(event: Event) -> Event:
    """Without the reason why something cannot be built, which `show_failure` prints."""
    if isinstance(event, Finished) and event.status in {Status.FAILED, Status.INFEASIBLE}:
        return replace(event, detail="")
    return event


def _found(subject: Subject, tasks: list[Task], summary: Summary) -> Iterator[LookedAt]:
    """How it ended, for each network."""
    last = subject.stages[-1].name
    failures = {error.what: error for error in summary.errors}
    for point in subject.points:
        ended = [summary.outcomes[task.id] for task in tasks if point.name in task.serves]
        bad = [end for end in ended if end.ended in {Status.FAILED, Status.INFEASIBLE}]
        entries = (end.entry for end in ended if end.task.stage.name == last)
        metrics = next((entry.metrics() for entry in entries if entry is not None), {})
        reason = bad[0].reason if bad else None
        failure = failures.get(reason or "")
        yield LookedAt(point=point, metrics=metrics, reason=reason, failure=failure)
