"""`bench report`: results from what the store holds."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click
import pandas as pd
from rich.console import Console

from bench import report
from bench.commands import common
from bench.pipeline import plan


@click.command("report")
@common.grid_options
@common.dry_run_option
def command(
    file: Path, changes: common.Changes, dry_run: bool, runner: str, store_path: Path
) -> None:
    """Write and show the results of FILE from the store; runs nothing.

    \b
    Examples:
      bench report experiments/quick.toml
    """
    console = Console(soft_wrap=not sys.stdout.isatty())
    grid, experiments = common.load_experiments(file, changes)
    choices = common.choose_runners(runner, store_path)
    resolvers = [common.open_resolver(store_path, choice) for choice in choices]
    tasks = plan(experiments)
    resolver = max(resolvers, key=lambda one: len(one.present(tasks)))
    folder = store_path / "reports" / grid.name
    if dry_run:
        for line in _rehearse(folder, partial(common.report_on, grid, experiments, resolver)):
            console.print(line, highlight=False, soft_wrap=True)
        return
    results, written = common.report_on(grid, experiments, resolver, folder)
    report.show(results, grid.name, console)
    for path in written:
        console.print(f"written: {path}", highlight=False, soft_wrap=True)


def _rehearse(
    folder: Path, write: Callable[[Path], tuple[pd.DataFrame, tuple[Path, ...]]]
) -> Iterator[str]:
    """What `write` would do to `folder`, found by letting it write to a copy.

    Yields:
        A line for each file.
    """
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / folder.name
        if folder.exists():
            shutil.copytree(folder, copy)
        _, written = write(copy)
        for path in written:
            real = folder / path.relative_to(copy)
            if not real.exists():
                yield f"would write: {real}"
            elif real.read_bytes() != path.read_bytes():
                yield f"would change: {real}"
            else:
                yield f"would stay as it is: {real}"
