"""Options that several commands share, and their values."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import click

from bench.errors import ConfigError, did_you_mean
from bench.flows import all_stages, up_to
from bench.grids.tables import Grid
from bench.paths import default_store
from bench.pipeline import budget
from bench.session.grids import Changes
from bench.session.kinds import Finite, Jobs, PathKind
from bench.session.runners import available_cpus
from contract.stage import GIB, Stage

MOST_JOBS = 10_000
MOST_MEMORY = 1_000_000  # GiB
Command = Callable[..., None]


@dataclass(frozen=True)
class Bounds:
    """Limits of a run.

    Attributes:
        only: The last stage to run; None for all.
        jobs: Tasks at once; None for one per processor.
        memory_gib: For simultaneous tasks together; None for what is free.
    """

    only: str | None
    jobs: int | None
    memory_gib: float | None

    def stages(self, grid: Grid) -> tuple[Stage, ...]:
        """The stages of `grid` to run.

        Raises:
            ConfigError: It has no stage `only`.
        """
        if self.only is None:
            return grid.stages
        if stages := up_to(self.only, grid.stages):
            return stages
        hint = did_you_mean(self.only, [stage.name for stage in grid.stages])
        raise ConfigError(f"--only {self.only}: the grid '{grid.name}' has no such stage.", hint)

    @property
    def at_once(self) -> int:
        """Tasks at once."""
        return self.jobs or available_cpus()

    @property
    def memory_bytes(self) -> int | None:
        """As given; with automatic jobs, what is free now; else None."""
        if self.memory_gib is not None:
            return int(self.memory_gib * GIB)
        return budget.free_memory() if self.jobs is None else None


store_option = click.option(
    "--store",
    "store_path",
    type=PathKind(),
    default=default_store,
    show_default="artifacts/, or $BENCH_STORE",
    help="Folder that keeps every artifact.",
)
runner_option = click.option(
    "--runner",
    type=click.Choice(("auto", "docker", "venv")),
    default="auto",
    show_default=True,
    help="Where the stages run: containers, or isolated virtual environments.",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Only say what would be done; nothing is changed."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print everything as JSON, in full."
)
rows_option = click.option(
    "--row",
    "names",
    multiple=True,
    metavar="NAME",
    help="Do only this row of the results, or this training; may be given several times.",
)
_CHANGES = (
    click.option(
        "--board",
        "boards",
        multiple=True,
        metavar="NAME|USER@HOST",
        help="Measure on this board instead of the file's: one of its [[boards]], "
        "user@host[:port], or 'emulated-board'. Several are used at once.",
    ),
    click.option(
        "--netlist",
        "netlist",
        type=click.IntRange(1),
        metavar="N",
        help="Simulate the mapped netlist of every layer beside its RTL, with random data of N "
        "images.",
    ),
    click.option(
        "--trace",
        "trace_images",
        type=click.IntRange(1),
        metavar="N",
        help="Write waveforms (VCD) of the first N images.",
    ),
    click.option(
        "--exact", is_flag=True, default=None, help="Simulate the generated modules as they are."
    ),
    click.option(
        "--images",
        type=click.IntRange(2),
        metavar="N",
        help="Simulate N test images, up to the whole test set, whatever FILE says.",
    ),
)
_BOUNDS = (
    click.option(
        "--memory",
        "memory_gib",
        type=Finite(min=0, max=MOST_MEMORY, min_open=True),
        metavar="GIB",
        help="Memory that the stages may take together, by estimate. Default: 80% of what is free.",
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
        metavar="STAGE",
        help="Stop after this stage (what it needs is made too); no report. One of "
        f"{', '.join(all_stages())}.",
    ),
)


def change_options(command: Command) -> Command:
    """Adds the options that change a grid, such as `--images`; `command` gets `changes`."""
    return gather("changes", Changes, _CHANGES, command)


def bound_options(command: Command) -> Command:
    """Adds `--only`, `--jobs` and `--memory`; `command` gets `bounds`."""
    return gather("bounds", Bounds, _BOUNDS, command)


def grid_options(command: Command) -> Command:
    """Adds FILE, and the options that change a grid or choose its artifacts.

    `command` gets `file`, `changes`, `runner` and `store_path`.
    """
    optioned = change_options(runner_option(store_option(command)))
    return click.argument("file", type=PathKind())(optioned)


def gather(
    name: str, record: type[Any], options: Sequence[Callable[[Command], Command]], command: Command
) -> Command:
    """Adds `options`, whose values `command` gets as one `record` called `name`."""

    @functools.wraps(command)
    def gathered(*arguments: Any, **values: Any) -> None:
        names = [field.name for field in fields(record) if field.name in values]
        own = {name: values.pop(name) for name in names}
        command(*arguments, **{name: record(**own)}, **values)

    decorated: Command = gathered
    for option in options:
        decorated = option(decorated)
    return decorated
