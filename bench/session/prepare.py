"""What `bench plan`, `bench run --dry-run` and `bench run` do alike: all up to the first effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import claims
from bench.boards.pool import Remote
from bench.errors import ConfigError
from bench.flows import flow_named
from bench.grids.experiment import Point
from bench.grids.tables import Grid
from bench.pipeline import Forecast, Resolver, Task, forecast, plan
from bench.pipeline.check import check_machine, check_skipped, check_store
from bench.pipeline.ensure import describe_host
from bench.session import common, rows
from bench.session.bounds import Bounds


@dataclass(frozen=True)
class Prepared:
    """A run that nothing known beforehand speaks against.

    Attributes:
        stated: The claims to judge.
        wanted: The points to do, `experiments` among them unless rows are named.
        memory: Bytes that tasks may take together; None for no bound.
        expected: What it will do and take.
    """

    grid: Grid
    experiments: tuple[Point, ...]
    stated: Mapping[str, claims.Claim]
    wanted: tuple[Point, ...]
    choice: common.Choice
    resolver: Resolver
    tasks: list[Task]
    memory: int | None
    expected: Forecast

    def foreseen(self, jobs: int) -> Forecast:
        """What the run will do and take with so many tasks at once, by the store as it is now."""
        return forecast(self.tasks, self.resolver, jobs, self.memory, describe_host())


def prepare(
    file: Path,
    changes: common.Changes,
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
        changes: What the command line changes of it.
        bounds: What the run may do and use.
        names: The rows to do; all of them for none.
        runner: As of `choose_runner`.
        store_path: The store.
        elsewhere: Whether the machines of a cluster will do it; this one then needs less.

    Raises:
        BenchError: Why it cannot be done.
    """
    grid, experiments = common.load_experiments(file, changes)
    stated = claims.load_claims(claims.claims_beside(file))
    wanted = rows.choose(common.all_points(grid, experiments), names)
    if elsewhere and not grid.measure.emulated:
        raise ConfigError(
            "A cluster's machines do not know this one's boards and keys.",
            "Run without --scheduler, or with --board emulated-board.",
        )
    choice = common.choose_runner(runner, store_path, common.limits_of(grid))
    resolver = common.open_resolver(store_path, choice, grid)
    tasks = plan(wanted, bounds.stages(flow_named(grid.flow)))
    memory = None if elsewhere else bounds.memory_bytes
    expected = forecast(tasks, resolver, bounds.at_once, memory, describe_host())
    missing = [task for task in tasks if task.id in expected.predictions]
    check_store(resolver.store, missing)
    if not elsewhere:
        check_machine(missing, resolver, memory)
        check_skipped(tasks, resolver)
        _check_boards(missing, grid)
    return Prepared(grid, experiments, stated, wanted, choice, resolver, tasks, memory, expected)


def _check_boards(missing: list[Task], grid: Grid) -> None:
    """Raise what a run would meet when it logs in to a board, as far as it is known here."""
    used = {name for task in missing for name in task.spec.get("boards", ())}
    boards = [board for board in grid.boards if board.name in used]
    if boards:
        from bench.boards.login import address_of  # noqa: PLC0415  # needs an SSH library

        for board in boards:
            address_of(Remote.of_table(board))
