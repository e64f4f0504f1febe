"""`bench inspect`: what a network is in hardware, before it is trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from bench.console.terminal import output, say, styled
from bench.console.text import duration_text, memory_text, size_text
from bench.flows import flow_named
from bench.pipeline import Forecast
from bench.session import options
from bench.session.inspection import Asked, Subject, expected, inspection_of
from bench.session.looked_at import LookedAt, look
from bench.session.networks import NAMING

_ASKED = (
    click.option("--folding", "foldings", multiple=True, metavar="NAME|GOAL|FILE.json|FPS",
                 help="One in foldings.toml or a file; fastest, balanced or smallest:II, which is "
                 "searched for; or searched for so many images per second. Default: the "
                 "smallest. May be given several times."),
    *NAMING,
)  # fmt: skip


def _asked_options(command: options.Command) -> options.Command:
    return options.gather("asked", Asked, _ASKED, command)


@click.command("inspect")
@_asked_options
@options.json_option
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
    subject = inspection_of(asked)
    looked = look(subject, store_path, runner)
    run = expected(subject, looked.resolver)
    if as_json:
        told = {"networks": looked.as_json(), "run": _run_as_json(run)}
        say(json.dumps(told, indent=1))
    else:
        _show(subject, looked.found)
        if run is not None and run.predictions and looked.all_build:
            _show_run(asked, subject, run)
    looked.end(context)


def _run_as_json(run: Forecast | None) -> dict[str, float] | None:
    if run is None:
        return None
    return {"seconds": run.wall_seconds, "memory_bytes": run.memory, "disk_bytes": run.disk}


def _show(subject: Subject, found: Sequence[LookedAt]) -> None:
    console = output()
    flow = flow_named(subject.grid.flow)
    show = import_module(str(flow.inspected)).show
    for one in found:
        console.print(styled("[bold]{}[/]", one.title))
        if one.metrics:
            show(one.metrics, console)
        one.show_failure(console)


def _show_run(asked: Asked, subject: Subject, run: Forecast) -> None:
    """What is likely to come."""
    one_epoch = "An epoch of training, and" if subject.grid.train else "The import, and"
    after = "all that follows" if subject.grid.folds else "the export"
    what = "A run" if asked.of_a_grid else f"{one_epoch} {after}"
    console = output()
    console.print(
        f"{what}: about {duration_text(run.wall_seconds)} on the clock, {run.jobs} at a time; "
        f"memory up to {memory_text(run.memory)}; disk {size_text(run.disk)} "
        f"({'from earlier runs' if run.from_earlier_runs else 'from defaults'})."
    )
