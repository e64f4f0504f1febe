"""`bench inspect`: what a network is in hardware, before it is trained."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from bench.console.progress import make_view
from bench.console.terminal import Terminal, say, styled
from bench.console.text import duration_text, memory_text, size_text
from bench.errors import BenchError, Exit, StageFailure
from bench.flows import flow_named
from bench.grids.experiment import Point
from bench.pipeline import Forecast, Resolver, Summary, Task, execute, look_up, plan
from bench.pipeline.check import check_machine, check_store
from bench.session import options, runners
from bench.session.inspection import RANDOM, Asked, Subject, expected, subject_of
from bench.session.kinds import Finite
from bench.words import Status


@dataclass(frozen=True, kw_only=True)
class _Found:
    """How the inspection of one network ended.

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


_ASKED = (
    click.option("--clock", "clock_mhz", type=Finite(min=1, max=1000), metavar="MHZ",
                 help="Default: 100."),
    click.option("--board", "boards", multiple=True, metavar="NAME", help="Default: Pynq-Z1."),
    click.option("--folding", "foldings", multiple=True, metavar="NAME|FILE.json|FPS",
                 help="One in foldings.toml, in a file, or searched for so many images per second."
                 " Default: the smallest. May be given several times."),
    click.option("--images", metavar="FILE.npz",
                 help="Images for a model (x_test). Default: random ones."),
    click.option("--dataset", metavar="NAME|FILE.npz", help="Whose images it takes."),
    click.option("--bits", multiple=True, metavar="W,A",
                 help="Bit widths of weights and activations of a network. Default: 4,4. May be "
                 "given several times."),
    click.argument("what"),
)  # fmt: skip


def _asked_options(command: options.Command) -> options.Command:
    return options.gather("asked", Asked, _ASKED, command)


@click.command("inspect")
@_asked_options
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, in full.")
@options.store_option
@options.runner_option
@click.pass_context
def command(
    context: click.Context, asked: Asked, as_json: bool, store_path: Path, runner: str
) -> None:
    """Show what WHAT is in hardware, without training it.

    WHAT is a network by its name, a function in a Python file that returns one, an ONNX file, or
    an experiment file. The layers in hardware and those left to the host; the foldings that each
    can have; cycles and resources; what cannot be compiled, and why.

    \b
    Examples:
      bench inspect CNV --bits 2,2
      bench inspect CNV --folding low --board ZCU104
      bench inspect my_net.py:build --dataset my.npz
      bench inspect trained.onnx --images test.npz
      bench inspect experiments/quick.toml --json
    """
    subject = subject_of(asked)
    choice = runners.choose_runner(runner, store_path, runners.limits_of(subject.grid))
    runners.prepare_runner(choice)
    resolver = runners.open_resolver(store_path, choice, subject.grid)
    tasks = plan(subject.points, subject.stages)
    summary = _made(subject, tasks, resolver)
    found = list(_found(subject, tasks, summary))
    run = expected(subject, resolver)
    if as_json:
        told = {"networks": [_as_json(one) for one in found], "run": _run_as_json(run)}
        say(json.dumps(told, indent=1))
    else:
        _show(subject, found)
        if run is not None and run.predictions and all(one.builds for one in found):
            _show_run(asked, subject, run)
    for error in summary.errors:
        if not isinstance(error, StageFailure):
            context.obj.explain(error)
    refused = not all(one.builds for one in found)
    context.exit(int(summary.exit_code or (Exit.STAGE_FAILED if refused else Exit.OK)))


def _made(subject: Subject, tasks: list[Task], resolver: Resolver) -> Summary:
    """Everything that it takes, from the store or made now."""
    missing = look_up(tasks, resolver, subject.points, verify=True).missing
    check_store(resolver.store, missing)
    check_machine(missing, resolver, None)
    cpus = runners.available_cpus()
    with make_view(Terminal(stderr=True, soft_wrap=not sys.stderr.isatty())) as view:
        return execute(tasks, resolver, cpus, cpus, view.show, missing=missing)


def _found(subject: Subject, tasks: list[Task], summary: Summary) -> Iterator[_Found]:
    last = subject.stages[-1].name
    failures = {error.what: error for error in summary.errors}
    for point in subject.points:
        ended = [summary.outcomes[task.id] for task in tasks if point.name in task.serves]
        bad = [end for end in ended if end.ended in {Status.FAILED, Status.INFEASIBLE}]
        entries = (end.entry for end in ended if end.task.stage.name == last)
        metrics = next((entry.metrics() for entry in entries if entry is not None), {})
        reason = bad[0].reason if bad else None
        failure = failures.get(reason or "")
        yield _Found(point=point, metrics=metrics, reason=reason, failure=failure)


def _as_json(found: _Found) -> dict[str, Any]:
    labels = asdict(found.point.labels)
    what = {name: labels[name] for name in ("network", "dataset", "weight_bits", "act_bits")}
    remedy = found.failure.remedy if found.failure else None
    ended = {"can_be_built": found.builds, "reason": found.reason, "what_to_do": remedy}
    return {**what, **ended, **found.metrics}


def _run_as_json(run: Forecast | None) -> dict[str, float] | None:
    if run is None:
        return None
    return {"seconds": run.wall_seconds, "memory_bytes": run.memory, "disk_bytes": run.disk}


def _show(subject: Subject, found: list[_Found]) -> None:
    console = _console()
    flow = flow_named(subject.grid.flow)
    show = import_module(str(flow.inspected)).show
    for one in found:
        console.print(styled("[bold]{}[/]", _title(one.point)))
        if one.metrics:
            show(one.metrics, console)
        if not one.builds:
            mark = Text("cannot be built:", "red bold")
            console.print(styled("{} {}", mark, one.reason))
        if one.failure is not None and one.failure.remedy:
            console.print(styled("[bold]what to do:[/] {}", one.failure.remedy))
        if one.failure is not None and one.failure.log:
            console.print(styled("[bold]log:[/] {}", one.failure.log), soft_wrap=True)


def _show_run(asked: Asked, subject: Subject, run: Forecast) -> None:
    """What is likely to come."""
    one_epoch = "An epoch of training, and" if subject.grid.train else "The import, and"
    after = "all that follows" if subject.grid.folds else "the export"
    what = "A run" if asked.of_a_grid else f"{one_epoch} {after}"
    console = _console()
    console.print(
        f"{what}: about {duration_text(run.wall_seconds)} on the clock, {run.jobs} at a time; "
        f"memory up to {memory_text(run.memory)}; disk {size_text(run.disk)} "
        f"({'from earlier runs' if run.from_earlier_runs else 'from defaults'})."
    )


def _console() -> Terminal:
    return Terminal(width=None if sys.stdout.isatty() else 80)


def _title(point: Point) -> str:
    labels = point.labels
    bits = f" {labels.precision}" if labels.precision else ""
    images = "random images" if labels.dataset == RANDOM else labels.dataset
    return f"{labels.network}{bits} on {images}"
