"""What `bench plan`, `bench run --dry-run` and `bench run` share: all before the first effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench import claims
from bench.boards.pool import Remote
from bench.errors import BoardError, ConfigError
from bench.grids.experiment import Point
from bench.grids.tables import Grid
from bench.pipeline import Forecast, Resolver, Survey, Task, forecast, survey
from bench.pipeline.check import check_machine, check_skipped, check_store
from bench.pipeline.ensure import describe_host
from bench.pipeline.survey import look_up
from bench.session import runners
from bench.session.grids import Changes, OpenGrid, open_grid
from bench.session.options import Bounds


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A run that passed all checks.

    Attributes:
        stated: The claims to judge.
        wanted: The points to run; all of the grid unless rows are named.
        survey: Of the whole grid.
        tasks: The plan of `wanted`.
        memory: Bytes that tasks may take together; None for no bound.
    """

    grid: OpenGrid
    stated: Mapping[str, claims.Claim]
    wanted: tuple[Point, ...]
    choice: runners.Choice
    resolver: Resolver
    survey: Survey
    tasks: list[Task]
    memory: int | None
    expected: Forecast

    @property
    def missing(self) -> list[Task]:
        """The tasks that will run."""
        return [task for task in self.tasks if task.id in self.expected.predictions]

    def at_once(self, jobs: int) -> Prepared:
        """The same run, with `jobs` tasks at once."""
        expected = _forecast(self.tasks, self.survey, self.resolver, jobs, self.memory)
        return replace(self, expected=expected)

    def looked_up_again(self) -> Prepared:
        """The same run, after keys may have changed."""
        points = self.survey.points
        again = look_up(self.survey.tasks, self.resolver, points, verify=True)
        return replace(self, survey=again).at_once(self.expected.jobs)


def prepare(
    file: Path,
    changes: Changes,
    bounds: Bounds,
    names: tuple[str, ...],
    runner: str,
    store_path: Path,
    *,
    elsewhere: bool = False,
) -> Prepared:
    """Read, plan and check a run of the grid in `file`; changes nothing.

    Args:
        file: The grid.
        changes: From the command line.
        bounds: Limits of the run.
        names: The rows to run; empty for all.
        runner: See `choose_runner`.
        store_path: The store.
        elsewhere: Whether it will run in a cluster; this machine is then checked less.

    Raises:
        BenchError: It cannot run.
    """
    grid = open_grid(file, changes)
    stated = claims.load_claims(claims.claims_beside(file), (grid.grid.network,))
    wanted = grid.choose(names)
    if elsewhere and not grid.grid.measure.emulated:
        raise ConfigError(
            "The machines of a cluster do not have this machine's boards and keys.",
            "Run without --scheduler, or with --board emulated-board.",
        )
    choice = runners.choose_runner(runner, store_path, runners.limits_of(grid.grid))
    resolver = runners.open_resolver(store_path, choice, grid.grid)
    surveyed = survey(grid.points, resolver, verify=True)
    tasks = surveyed.tasks_for(wanted, bounds.stages(grid.grid))
    memory = None if elsewhere else bounds.memory_bytes
    prepared = Prepared(
        grid=grid,
        stated=stated,
        wanted=wanted,
        choice=choice,
        resolver=resolver,
        survey=surveyed,
        tasks=tasks,
        memory=memory,
        expected=_forecast(tasks, surveyed, resolver, bounds.at_once, memory),
    )
    check_store(resolver.store, prepared.missing)
    if not elsewhere:
        check_machine(prepared.missing, resolver, memory)
        check_skipped(tasks, resolver)
        _check_boards(prepared.missing, grid.grid)
    return prepared


def _forecast(
    tasks: list[Task], surveyed: Survey, resolver: Resolver, jobs: int, memory: int | None
) -> Forecast:
    return forecast(tasks, surveyed, resolver.runners, jobs, memory, describe_host())


def require_boards(ready: Prepared) -> None:
    """Log in to every board that the run will measure on, before it works for hours towards that.

    Raises:
        BoardError: One cannot be reached, or refuses the key.
    """
    remotes = _boards(ready.missing, ready.grid.grid)
    if remotes:
        from bench.boards.login import address_of  # noqa: PLC0415  # needs an SSH library
        from bench.boards.ssh import try_login  # noqa: PLC0415

        try:
            for remote in remotes:
                try_login(address_of(remote))
        except BoardError as error:
            error.add_note("Nothing was started; --only STAGE runs what needs no board.")
            raise


def _check_boards(missing: list[Task], grid: Grid) -> None:
    """Raise the errors of a login to a board that can be foreseen here."""
    remotes = _boards(missing, grid)
    if remotes:
        from bench.boards.login import address_of  # noqa: PLC0415  # needs an SSH library

        for remote in remotes:
            address_of(remote)


def _boards(missing: list[Task], grid: Grid) -> list[Remote]:
    """Those that some of the tasks measure on."""
    used = {name for task in missing for name in task.spec.get("boards", ())}
    return [Remote.of_table(board) for board in grid.boards if board.name in used]
