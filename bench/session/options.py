"""Options that several commands share, and what they come to."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from bench.errors import ConfigError, did_you_mean
from bench.flows import Flow, all_stages
from bench.paths import default_store
from bench.pipeline import budget
from bench.session.grids import Changes
from bench.session.kinds import Finite, Jobs, PathKind
from bench.session.runners import available_cpus
from contract.stage import GIB, Stage

RUNNERS = ("auto", "docker", "venv")
MOST_JOBS = 10_000
MOST_MEMORY = 1_000_000  # GiB
Command = TypeVar("Command", bound=Callable[..., None])


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


def store_option(command: Command) -> Command:
    """Adds `--store`."""
    return click.option(
        "--store",
        "store_path",
        type=PathKind(),
        default=default_store,
        show_default="artifacts/, or $BENCH_STORE",
        help="Folder that keeps every artifact.",
    )(command)


def runner_option(command: Command) -> Command:
    """Adds `--runner`."""
    return click.option(
        "--runner",
        type=click.Choice(RUNNERS),
        default="auto",
        show_default=True,
        help="Where the stages run: containers, or isolated virtual environments.",
    )(command)


def dry_run_option(command: Command) -> Command:
    """Adds `--dry-run`."""
    return click.option(
        "--dry-run", is_flag=True, help="Only say what would be done; nothing is changed."
    )(command)


def rows_option(command: Command) -> Command:
    """Adds `--row`."""
    return click.option(
        "--row",
        "names",
        multiple=True,
        metavar="NAME",
        help="Do only this row of the results, or this training; may be given several times.",
    )(command)


def change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds `--images`, `--exact`, `--trace` and `--board`; `command` gets `changes`."""

    @functools.wraps(command)
    def gathered(
        *arguments: Any,
        images: int | None,
        exact: bool | None,
        trace_images: int | None,
        boards: tuple[str, ...],
        **others: Any,
    ) -> None:
        command(*arguments, changes=Changes(images, exact, trace_images, boards), **others)

    options = (
        click.option(
            "--board",
            "boards",
            multiple=True,
            metavar="NAME|USER@HOST",
            help="Measure on this board instead of the file's: one of its [[boards]], "
            "user@host[:port], or 'emulated-board'. Several are used at once.",
        ),
        click.option(
            "--trace",
            "trace_images",
            type=click.IntRange(1),
            metavar="N",
            help="Write waveforms (VCD) of the first N images.",
        ),
        click.option(
            "--exact",
            is_flag=True,
            default=None,
            help="Simulate the generated modules as they are.",
        ),
        click.option(
            "--images",
            type=click.IntRange(2),
            metavar="N",
            help="Simulate N test images, up to the whole test set, whatever FILE says.",
        ),
    )
    return functools.reduce(lambda decorated, option: option(decorated), options, gathered)


def grid_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds FILE and all that changes or finds a grid's results: what `run` and its kin take.

    `command` gets `file`, `changes`, `runner` and `store_path`.
    """
    optioned = change_options(runner_option(store_option(command)))
    return click.argument("file", type=PathKind())(optioned)


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
    return functools.reduce(lambda decorated, option: option(decorated), options, gathered)
