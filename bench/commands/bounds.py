"""What bounds a run, as options that `bench run` and `bench plan` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from bench.commands.kinds import Finite, Jobs
from bench.pipeline import budget
from bench.stages import STAGES

Command = TypeVar("Command", bound=Callable[..., None])
MOST_JOBS = 10_000
MOST_MEMORY = 1_000_000  # GiB


def bound_options(command: Command) -> Command:
    """Adds `--only`, `--jobs` and `--memory`."""
    for option in (
        click.option(
            "--memory",
            type=Finite(min=0, max=MOST_MEMORY, min_open=True),
            metavar="GIB",
            help="Memory that the stages may take together, by estimate. Default: 80 % of what is"
            " free.",
        ),
        click.option(
            "--jobs",
            type=Jobs(MOST_JOBS),
            default="auto",
            show_default=True,
            help="How many stages run at once; auto: one per processor, as far as memory allows.",
        ),
        click.option(
            "--only",
            type=click.Choice([stage.name for stage in STAGES]),
            help="Stop after this stage (what it needs is made too); no report.",
        ),
    ):
        command = option(command)
    return command


def memory_budget(jobs: int | None, gib: float | None) -> int | None:
    """Bytes that tasks may take together: as given; for automatic jobs what is free; else none."""
    if gib is not None:
        return int(gib * budget.GIB)
    return budget.free_memory() if jobs is None else None
