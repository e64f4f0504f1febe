"""`bench store gc`: remove what no grid names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from bench.commands.store import opened, require_readable
from bench.console.terminal import say
from bench.console.text import size_text
from bench.errors import ConfigError, StoreError
from bench.grids.grid import NO_GRIDS, load_grid
from bench.paths import ROOT
from bench.pipeline import Resolver, Task, look_up, plan
from bench.session import options, overrides, runners
from bench.session.grids import open_grid
from bench.session.kinds import PathKind
from bench.store import Broken, Entry


@click.command("gc")
@click.argument("files", nargs=-1, type=PathKind())
@options.dry_run_option
@click.option(
    "--as-written",
    is_flag=True,
    help="Keep only what FILES name, not what runs with --images, --exact, --trace or --board have "
    "made.",
)
@options.store_option
@options.runner_option
def command(
    files: tuple[Path, ...], dry_run: bool, as_written: bool, store_path: Path, runner: str
) -> None:
    """Remove artifacts that none of the grids FILES names (default: all in experiments/).

    Artifacts of runs of FILES with --images, --exact, --trace or --board are kept, too. Damaged
    artifacts are removed, and so is everything that failed runs left under failed/.

    \b
    Examples:
      bench store gc --dry-run
      bench store gc experiments/quick.toml
      bench store gc --as-written
    """
    everywhere = sorted((ROOT / "experiments").glob("*.toml"))
    grids = files or [path for path in everywhere if path.name not in NO_GRIDS]
    store = opened(store_path)
    resolvers = runners.open_resolvers(store_path, runner)
    if store.live_runs():
        raise StoreError("A run is using the store.", "Wait for it to end, then clean up.")
    items = list(store.survey())
    plans = [planned for file in grids for planned in _plans_of(file, store_path, as_written)]
    freed = 0
    for item in _unwanted(items, plans, resolvers):
        size = item.bytes if isinstance(item, Entry) else 0
        why = f" ({item.reason})" if isinstance(item, Broken) else ""
        if not dry_run:
            store.remove(item.folder)
        freed += size
        say(f"{'would remove' if dry_run else 'removed'} {item.folder}{why}")
    freed += store.failed_bytes() if dry_run else store.remove_failed()
    for file in grids if as_written and not dry_run else ():
        overrides.forget(store_path, load_grid(file, absent=True).name)
    say(f"{size_text(freed)} {'would be ' if dry_run else ''}freed")
    require_readable(items)


@dataclass(frozen=True)
class _Planned:
    """The tasks of a grid, and whether their keys are known: a file that it names may be gone."""

    tasks: list[Task]
    is_complete: bool


def _plans_of(file: Path, store: Path, as_written: bool) -> Iterator[_Planned]:
    """The tasks of the grid in `file`, and those of every run that changed it."""
    grid = open_grid(file, absent=True)
    if not grid.grid.is_complete:
        say(f"note: {file} names a file that is not there; all that has its names is kept")
    yield _Planned(plan(grid.points), grid.grid.is_complete)
    for changes in [] if as_written else overrides.recorded(store, grid.name):
        try:
            changed = open_grid(file, changes, absent=True)
        except ConfigError as error:
            say(f"note: an earlier run of {file} is no longer valid: {error.what}")
        else:
            yield _Planned(plan(changed.points), grid.grid.is_complete)


def _unwanted(
    items: Sequence[Entry | Broken], plans: Sequence[_Planned], resolvers: Sequence[Resolver]
) -> Iterator[Entry | Broken]:
    """Everything damaged, and every artifact that no plan needs."""
    # Keys of runners that are not available now cannot be computed: their artifacts stay.
    available = {item.name for resolver in resolvers for item in resolver.runners.values()}
    broken = [item for item in items if isinstance(item, Broken)]
    wanted: set[Path] = set()
    uncertain: set[tuple[str, str]] = set()
    for planned in plans:
        if not planned.is_complete:
            uncertain |= {(task.stage.name, task.name) for task in planned.tasks}
            continue
        for resolver in resolvers:
            present = look_up(planned.tasks, resolver).present
            wanted.update(entry.folder for entry in present.values())
        uncertain |= _behind(broken, planned.tasks)
    for item in items:
        if isinstance(item, Broken):
            if item.damaged:
                yield item
            continue
        made = item.manifest
        named = item.folder in wanted or (made.stage, made.name) in uncertain
        if not named and made.environment["runner"] in available:
            yield item


def _behind(broken: Sequence[Broken], tasks: Sequence[Task]) -> set[tuple[str, str]]:
    """Stage and name of the tasks that need a broken artifact, directly or not.

    Their keys depend on its content; once it is made again, most likely with the same content,
    their artifacts are needed.
    """
    places = {(item.folder.parent.name, item.folder.name.rpartition("--")[0]) for item in broken}
    lost: set[str] = set()
    for task in tasks:
        if (task.stage.name, task.name) in places or lost & set(task.needs.values()):
            lost.add(task.id)
    return {(task.stage.name, task.name) for task in tasks if task.id in lost}
