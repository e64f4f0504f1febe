"""`bench store gc`: remove what no grid names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from bench.commands.store import opened, require_readable
from bench.console.terminal import say
from bench.console.text import size_text
from bench.errors import ConfigError, StoreError
from bench.grids.grid import NO_GRIDS, load_grid
from bench.paths import ROOT
from bench.pipeline import Resolver, Task, plan
from bench.session import common, options, overrides
from bench.session.kinds import PathKind
from bench.store import Broken, Entry


@click.command("gc")
@click.argument("files", nargs=-1, type=PathKind())
@options.dry_run_option
@click.option(
    "--as-written",
    is_flag=True,
    help="Keep only what FILES name as they are written, not what runs with --images, --exact, "
    "--trace or --board have made.",
)
@options.store_option
@options.runner_option
def command(
    files: tuple[Path, ...], dry_run: bool, as_written: bool, store_path: Path, runner: str
) -> None:
    """Remove artifacts that none of the grids FILES names (default: all in experiments/).

    What runs of FILES with other --images, --exact, --trace or --board have made is kept, too.
    What failed runs left under failed/ goes, and so does what is damaged.

    \b
    Examples:
      bench store gc --dry-run
      bench store gc experiments/quick.toml
      bench store gc --as-written
    """
    everywhere = sorted((ROOT / "experiments").glob("*.toml"))
    grids = files or [path for path in everywhere if path.name not in NO_GRIDS]
    store = opened(store_path)
    choices = common.choose_runners(runner, store_path)
    resolvers = [common.open_resolver(store_path, choice) for choice in choices]
    if store.live_runs():
        raise StoreError("A run is using the store.", "Wait for it to end, then clean up.")
    found = list(store.survey())
    tasks = [tasks for file in grids for tasks in _plans_of(file, store_path, as_written)]
    freed = 0
    for one in _unwanted(found, tasks, resolvers):
        size = one.bytes if isinstance(one, Entry) else 0
        why = f" ({one.reason})" if isinstance(one, Broken) else ""
        if not dry_run:
            store.remove(one.folder)
        freed += size
        say(f"{'would remove' if dry_run else 'removed'} {one.folder}{why}")
    freed += store.failed_bytes() if dry_run else store.remove_failed()
    for file in grids if as_written and not dry_run else ():
        overrides.forget(store_path, load_grid(file).name)
    say(f"{size_text(freed)} {'would be ' if dry_run else ''}freed")
    require_readable(found)


def _plans_of(file: Path, store: Path, as_written: bool) -> Iterator[list[Task]]:
    """The tasks of the grid in `file`, and those of every run that changed it."""
    grid, experiments = common.load_experiments(file)
    yield plan(common.all_points(grid, experiments))
    for changes in [] if as_written else overrides.recorded(store, grid.name):
        try:
            changed = common.load_experiments(file, changes)
        except ConfigError as error:
            say(f"note: an earlier run of {file} counts no more: {error.what}")
        else:
            yield plan(common.all_points(*changed))


def _unwanted(
    found: Sequence[Entry | Broken], plans: Sequence[list[Task]], resolvers: Sequence[Resolver]
) -> Iterator[Entry | Broken]:
    """What is damaged, and every artifact that nothing asks for."""
    # What a runner made that cannot be asked now, nobody can tell to be unwanted.
    known = {one.name for resolver in resolvers for one in resolver.runners.values()}
    broken = [one for one in found if isinstance(one, Broken)]
    wanted: set[Path] = set()
    uncertain: set[tuple[str, str]] = set()
    for tasks in plans:
        for resolver in resolvers:
            present = resolver.present(tasks)
            wanted.update(entry.folder for entry in present.values())
        uncertain |= _behind(broken, tasks)
    for one in found:
        if isinstance(one, Broken):
            if one.damaged:
                yield one
            continue
        made = one.manifest
        named = one.folder in wanted or (made.stage, made.name) in uncertain
        if not named and made.environment["runner"] in known:
            yield one


def _behind(broken: Sequence[Broken], tasks: Sequence[Task]) -> set[tuple[str, str]]:
    """Stage and name of what rests on a broken artifact.

    Its keys cannot be told without the content of that; once it is made again, most likely with
    the same content, they are wanted.
    """
    places = {(one.folder.parent.name, one.folder.name.rpartition("--")[0]) for one in broken}
    lost: set[str] = set()
    for task in tasks:
        if (task.stage.name, task.name) in places or lost & set(task.needs.values()):
            lost.add(task.id)
    return {(task.stage.name, task.name) for task in tasks if task.id in lost}
