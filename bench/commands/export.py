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
from bench.grids.experiment import references
from bench.results import row_of
from bench.results.facts import facts_of
from bench.results.rows import wrong_rows
from bench.session import common, options
from bench.session.kinds import PathKind


@click.command("export")
@common.grid_options
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
    help="Put these artifacts in, too; may be given several times. The report, every manifest and "
    "every stage's metrics are always in.",
)
@click.option("--force", is_flag=True, help="Replace an archive that is there.")
@options.dry_run_option
def command(
    file: Path,
    changes: common.Changes,
    output: Path | None,
    kinds: tuple[str, ...],
    force: bool,
    dry_run: bool,
    runner: str,
    store_path: Path,
) -> None:
    """Pack the report of FILE, its manifests and chosen artifacts into one archive.

    It is a BagIt bag: checksums of every file are in it. `bench verify` checks it anywhere.

    \b
    Examples:
      bench export experiments/quick.toml
      bench export experiments/quick.toml --with checkpoints --with models
      bench export experiments/quick.toml --output quick.zip --dry-run
    """
    console = Terminal(soft_wrap=True, no_color=not sys.stdout.isatty())
    grid, experiments = common.load_experiments(file, changes)
    target = output or Path(f"{grid.name}.tar.gz")
    require_suffix(target)
    if target.exists() and not force:
        raise ConfigError(f"{target} is there already.", "Name another --output, or say --force.")
    resolver = common.best_resolver(runner, store_path, grid, experiments)
    chosen = archive.select(file, grid, experiments, references(grid), resolver, kinds)
    size = size_text(chosen.bytes)
    if dry_run:
        names = archive.rehearse(chosen.items, chosen.tags, target, chosen.folder, chosen.date)
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
    for name in wrong_rows(map(row_of, facts_of(experiments, resolver))):
        console.print(f"wrong: {name} computes something else than the trained model", style="red")
    console.print(
        "Publish that number beside the archive: then nobody can replace the whole of it unseen."
    )
