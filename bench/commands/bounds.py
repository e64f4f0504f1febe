"""What bounds a run, as options that `bench run` and `bench plan` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from bench.pipeline import budget
from bench.stages import STAGES

Command = TypeVar("Command", bound=Callable[..., None])


class Jobs(click.ParamType[int | None]):
    """A number from 1 up, or `auto`, which is None."""

    name = "N|auto"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """See `click.ParamType`."""
        if value is None or value == "auto":
            return None
        if isinstance(value, int) or (str(value).isdecimal() and int(str(value)) > 0):
            return int(str(value))
        return self.fail(f"'{value}' is neither 'auto' nor a number from 1 up.", param, ctx)


def bound_options(command: Command) -> Command:
    """Adds `--only`, `--jobs` and `--memory`."""
    for option in (
        click.option(
            "--memory",
            type=click.FloatRange(min=0, min_open=True),
            metavar="GIB",
            help="Memory that the stages may take together, by estimate. Default: 80 % of what is"
            " free.",
        ),
        click.option(
            "--jobs",
            type=Jobs(),
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
