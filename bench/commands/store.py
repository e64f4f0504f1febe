"""`bench store`: look at the artifacts, check them, clean up."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from rich.table import Table

from bench.commands import common, overrides
from bench.commands.kinds import PathKind
from bench.errors import ConfigError, StoreError
from bench.grid import NO_GRIDS, load_grid
from bench.paths import ROOT
from bench.pipeline import Task, plan
from bench.store import Entry, Store
from bench.terminal import Terminal, say, styled


@click.group("store")
def command() -> None:
    """Look at the artifact store, check it, clean it up.

    \b
    Examples:
      bench store ls
      bench store show 3f2a
      bench store verify
      bench store gc --dry-run
    """


@command.command("ls")
@common.store_option
def list_entries(store_path: Path) -> None:
    """List every artifact: key, stage, name, status, size, age.

    \b
    Examples:
      bench store ls
    """
    table = Table()
    for heading in ("key", "stage", "name", "status", "MB", "seconds", "made"):
        table.add_column(heading, justify="right" if heading in ("MB", "seconds") else "left")
    for entry in Store(store_path).entries():
        manifest = entry.manifest
        table.add_row(
            manifest.key[:12],
            manifest.stage,
            manifest.name,
            manifest.status,
            f"{_size(entry) / 1e6:.1f}",
            f"{manifest.seconds:.1f}",
            manifest.created,
        )
    Terminal(width=None if sys.stdout.isatty() else 160).print(table)


@command.command("show")
@click.argument("key")
@common.store_option
def show(key: str, store_path: Path) -> None:
    """Show the manifest of the artifact whose key starts with KEY.

    \b
    Examples:
      bench store show 3f2a
    """
    entries = [e for e in Store(store_path).entries() if e.manifest.key.startswith(key)]
    if len(entries) != 1:
        found = f"{len(entries)} artifacts have" if entries else "no artifact has"
        raise ConfigError(f"{found} a key starting with '{key}'.", "`bench store ls` lists keys.")
    say(f"{entries[0].folder}\n{entries[0].manifest.dumps().rstrip()}")


@command.command("verify")
@common.store_option
def verify(store_path: Path) -> None:
    """Hash every file of every artifact and compare with the manifests.

    \b
    Examples:
      bench store verify
    """
    console = Terminal(soft_wrap=True)
    checked, damaged = 0, 0
    for entry in Store(store_path).entries():
        checked += 1
        for damage in entry.damage():
            damaged += 1
            what = f"{entry.folder.name} ({entry.manifest.stage}): {damage}"
            console.print(styled("[red]damaged[/] {}", what))
    if damaged:
        raise StoreError(
            f"{damaged} files of {checked} artifacts are damaged.",
            "`bench run` makes damaged artifacts again by itself.",
        )
    console.print(f"{checked} artifacts, every file as its manifest says.")


@command.command("gc")
@click.argument("files", nargs=-1, type=PathKind())
@common.dry_run_option
@click.option(
    "--as-written",
    is_flag=True,
    help="Keep only what FILES name as they are written, not what runs with --images, --exact, "
    "--trace or --board have made.",
)
@common.store_option
@common.runner_option
def collect_garbage(
    files: tuple[Path, ...], dry_run: bool, as_written: bool, store_path: Path, runner: str
) -> None:
    """Remove artifacts that none of the grids FILES names (default: all in experiments/).

    What runs of FILES with other --images, --exact, --trace or --board have made is kept, too.
    What failed runs left under failed/ goes.

    \b
    Examples:
      bench store gc --dry-run
      bench store gc experiments/quick.toml
      bench store gc --as-written
    """
    everywhere = sorted((ROOT / "experiments").glob("*.toml"))
    grids = files or [path for path in everywhere if path.name not in NO_GRIDS]
    choices = common.choose_runners(runner, store_path)
    resolvers = [common.open_resolver(store_path, choice) for choice in choices]
    # What a runner made that cannot be asked now, nobody can tell to be unwanted.
    known = {one.name for resolver in resolvers for one in resolver.runners.values()}
    store = resolvers[0].store
    if store.live_runs():
        raise StoreError("A run is using the store.", "Wait for it to end, then clean up.")
    wanted: set[Path] = set()
    for file in grids:
        for tasks in _plans_of(file, store_path, as_written):
            for resolver in resolvers:
                wanted.update(entry.folder for entry in resolver.present(tasks).values())
    freed = 0
    for entry in list(store.entries()):
        if entry.folder not in wanted and entry.manifest.environment["runner"] in known:
            freed += _size(entry)
            say(f"{'would remove' if dry_run else 'removed'} {entry.folder}")
            if not dry_run:
                store.remove(entry)
    freed += store.failed_bytes() if dry_run else store.remove_failed()
    for file in grids if as_written and not dry_run else ():
        overrides.forget(store_path, load_grid(file).name)
    say(f"{freed / 1e6:.1f} MB {'would be ' if dry_run else ''}freed")


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


def _size(entry: Entry) -> int:
    return sum(artifact.bytes for artifact in entry.manifest.artifacts)
