"""What bounds a run, as options that `bench run` and `bench plan` share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from bench.errors import ConfigError, did_you_mean
from bench.flows import Flow, all_stages
from bench.pipeline import budget
from bench.session.common import available_cpus
from bench.session.kinds import Finite, Jobs
from contract.stage import GIB, Stage

MOST_JOBS = 10_000
MOST_MEMORY = 1_000_000  # GiB


@dataclass(frozen=True)
class Bounds:
    """What a run may do and use.

    Attributes:
        only: The stage to stop after; None for all.
        jobs: Tasks at once; None for one on each processor.
        memory_gib: Memory for those together; None for what is free.
    """

    only: str | None
    jobs: int | None
    memory_gib: float | None

    def stages(self, flow: Flow) -> tuple[Stage, ...]:
        """The stages to do, of those of `flow`.

        Raises:
            ConfigError: It has no stage `only`.
        """
        if self.only is None:
            return flow.all_stages
        if stages := flow.up_to(self.only):
            return stages
        known = [stage.name for stage in flow.all_stages]
        raise ConfigError(
            f"--only {self.only}: {flow.title} has no such stage.", did_you_mean(self.only, known)
        )

    @property
    def at_once(self) -> int:
        """Tasks at once."""
        return self.jobs or available_cpus()

    @property
    def memory_bytes(self) -> int | None:
        """As given; for automatic jobs what is free now; else None."""
        if self.memory_gib is not None:
            return int(self.memory_gib * GIB)
        return budget.free_memory() if self.jobs is None else None


def bound_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds `--only`, `--jobs` and `--memory`; `command` gets `bounds`."""

    @functools.wraps(command)
    def gathered(
        *arguments: Any, only: str | None, jobs: int | None, memory: float | None, **others: Any
    ) -> None:
        command(*arguments, bounds=Bounds(only, jobs, memory), **others)

    options = (
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
            type=click.Choice(list(all_stages())),
            help="Stop after this stage (what it needs is made too); no report.",
        ),
    )
    for option in options:
        gathered = option(gathered)
    return gathered
