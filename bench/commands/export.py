"""`bench export`: one archive of a grid's results, with checksums, for Zenodo and the like."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bench import archive
from bench.archive.writer import require_suffix
from bench.console.terminal import Terminal
from bench.console.text import counted, size_text
from bench.errors import ConfigError
from bench.session import options, reporting
from bench.session.grids import Changes, open_grid
from bench.session.kinds import PathKind
from bench.words import Status


@click.command("export")
@options.grid_options
@click.option(
    "--output",
    type=PathKind(dir_okay=False),
    metavar="FILE",
    help="The archive, .tar.gz or .zip.  [default: <grid>.tar.gz here]",
)
@click.option(
    "--with",
    "kinds",
    multiple=True,
    type=click.Choice(sorted(archive.KINDS)),
    metavar="KIND",
    help=f"Include these artifacts: {', '.join(sorted(archive.KINDS))}. May be given several "
    "times. The report, every manifest and every stage's metrics are always included.",
)
@click.option("--force", is_flag=True, help="Replace an existing archive.")
@options.dry_run_option
def command(
    file: Path,
    changes: Changes,
    output: Path | None,
    kinds: tuple[str, ...],
    force: bool,
    dry_run: bool,
    runner: str,
    store_path: Path,
) -> None:
    """Pack the report of FILE, its manifests and chosen artifacts into one archive.

    The archive is a BagIt bag with checksums of every file. `bench verify` checks it anywhere.

    \b
    Examples:
      bench export experiments/quick.toml
      bench export experiments/quick.toml --with checkpoints --with models
      bench export experiments/quick.toml --output quick.zip --dry-run
    """
    console = Terminal(soft_wrap=True, no_color=not sys.stdout.isatty())
    grid = open_grid(file, changes)
    target = output or Path(f"{grid.name}.tar.gz")
    require_suffix(target)
    if target.exists() and not force:
        raise ConfigError(f"{target} already exists.", "Name another --output, or give --force.")
    survey = reporting.look_up(grid, runner, store_path)
    chosen = archive.select(file, grid.grid, grid.experiments, grid.references, survey, kinds)
    size = size_text(chosen.bytes)
    if dry_run:
        names = archive.dry_run(chosen.items, chosen.tags, target, chosen.folder, chosen.date)
        for name in names:
            console.print(f"would pack: {name}")
        console.print(f"would write: {target}: {counted(len(names), 'file')}, {size}")
        return
    packed = archive.pack(chosen.items, chosen.tags, target, chosen.folder, chosen.date)
    console.print(
        f"written: {packed.path}: {counted(len(packed.files), 'file')}, {size}, "
        f"{size_text(packed.size)} packed"
    )
    console.print(f"sha256: {packed.sha256}")
    for point in grid.experiments:
        if survey.state_of(point).status == Status.WRONG:
            text = f"wrong: {point.name} computes something else than the trained model"
            console.print(text, style="red")
    console.print("Publish the SHA-256 beside the archive, so that a replaced archive is noticed.")
