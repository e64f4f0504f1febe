"""`bench compare`: two stores, or two reports, value by value."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from bench.console.tables import Column, Table
from bench.console.terminal import Terminal, styled
from bench.console.text import counted
from bench.errors import ConfigError, Exit
from bench.flows import all_stages
from bench.report import compare
from bench.report.compare import DIFFERENT, EQUAL, MISSING, STATES, Comparison, Difference
from bench.results import File, tolerance_of
from bench.session.kinds import PathKind
from bench.store import Store

# Differences shown without `--all`.
SHOWN = 20


@click.command("compare")
@click.argument("path_a", metavar="A", type=PathKind())
@click.argument("path_b", metavar="B", type=PathKind())
@click.option("--grid", help="Of two stores, compare this grid's report only.")
@click.option("--all", "show_all", is_flag=True, help="Show every difference.")
@click.option("--strict", is_flag=True, help="Fail on different contents of artifacts, too.")
@click.pass_context
def command(
    context: click.Context,
    path_a: Path,
    path_b: Path,
    grid: str | None,
    show_all: bool,
    strict: bool,
) -> None:
    """Compare A with B: two stores, two report folders, or two results.csv.

    Each value is equal, within its column's tolerance, different, or missing on one side. The
    artifacts of two stores are verified, and compared by content, too. Exit code 0 if all is equal
    or within tolerance, 8 if not, 5 if an artifact is damaged.

    \b
    Examples:
      bench compare artifacts /mnt/other-machine/artifacts
      bench compare artifacts/reports/quick ../board/reports/quick
    """
    console = Terminal(soft_wrap=not sys.stdout.isatty())
    reports_a, reports_b = _reports(path_a, grid), _reports(path_b, grid)
    if len(reports_a) == len(reports_b) == 1:
        pairs = [(*reports_a.values(), *reports_b.values())]
        alike = True
    else:
        shared = [name for name in reports_a if name in reports_b]
        pairs = [(reports_a[name], reports_b[name]) for name in shared]
        unpaired = [(name, path_a) for name in reports_a if name not in reports_b]
        unpaired += [(name, path_b) for name in reports_b if name not in reports_a]
        for name, store in unpaired:
            console.print(f"missing: grid '{name}' is in {store} only")
        alike = not unpaired
    for results_a, results_b in pairs:
        comparison = compare.compare_results(results_a, results_b)
        console.print(f"\nA: {results_a}\nB: {results_b}", soft_wrap=True)
        _show(comparison, show_all, console)
        alike = alike and comparison.alike
    if _is_store(path_a) and _is_store(path_b):
        same = _show_artifacts(path_a, path_b, show_all, console)
        alike = alike and (same or not strict)
    console.print("\nalike" if alike else styled("\n[red]different[/]"))
    context.exit(int(Exit.OK if alike else Exit.DIFFERENT))


def _is_store(path: Path) -> bool:
    return (path / "reports").is_dir()


def _reports(path: Path, grid: str | None) -> dict[str, Path]:
    """Every results.csv that `path` stands for, by grid.

    Raises:
        ConfigError: There is none.
    """
    if path.is_file():
        return {path.parent.name: path}
    if (path / File.RESULTS).is_file():
        return {path.name: path / File.RESULTS}
    reports = {
        results.parent.name: results
        for results in sorted((path / "reports").glob(f"*/{File.RESULTS}"))
        if grid in (None, results.parent.name)
    }
    if not reports:
        of = f" of grid '{grid}'" if grid else ""
        raise ConfigError(
            f"{path} has no report{of}.",
            "Name a store, a report's folder or a results.csv; `bench report` writes one.",
        )
    return reports


def _show(comparison: Comparison, show_all: bool, console: Terminal) -> None:
    counted_states = (Column(heading=state, numeric=True) for state in STATES)
    table = Table(
        [Column(heading="column"), *counted_states, Column(heading="tolerance", wraps=True)]
    )
    equal = []
    for column, counts in comparison.counts.items():
        if not counts.keys() - {EQUAL}:
            equal += [column] if counts else []
            continue
        cells = [str(counts[state] or "") for state in STATES]
        table.add(column, *cells, str(tolerance_of(column)))
    if not table.is_empty:
        table.show(console)
    console.print(
        f"{counted(comparison.rows, 'experiment')} in both; {counted(len(equal), 'column')} equal "
        "throughout."
    )
    for name, columns in zip("AB", comparison.only, strict=True):
        if columns:
            console.print(f"Columns that only {name} has, by its version: {', '.join(columns)}.")
    for name, rows in zip("AB", comparison.wrong, strict=True):
        if rows:
            console.print(f"wrong in {name}: {', '.join(rows)}", style="red")
    shown = comparison.differences if show_all else comparison.differences[:SHOWN]
    for difference in shown:
        console.print(_line(difference), soft_wrap=True)
    if len(shown) < len(comparison.differences):
        console.print(f"... and {len(comparison.differences) - len(shown)} more: --all shows them.")


def _line(difference: Difference) -> str:
    if difference.column is None:
        where = "A" if difference.a else "B"
        return f"{difference.state}: {difference.row} is in {where} only"
    a, b = difference.a or "nothing", difference.b or "nothing"
    allowed = "" if difference.allowed is None else f" (within: {difference.allowed:.3g})"
    row, column = difference.row, difference.column
    return f"{difference.state}: {row}: {column}: {a} | {b}{allowed}"


def _show_artifacts(path_a: Path, path_b: Path, show_all: bool, console: Terminal) -> bool:
    """A line for each stage, and for each artifact that is not equal; whether all are."""
    artifacts = list(compare.compare_artifacts(Store(path_a).entries(), Store(path_b).entries()))
    counts = Counter((artifact.stage, artifact.state) for artifact in artifacts)
    states = (EQUAL, DIFFERENT, MISSING)
    table = Table(
        [Column(heading="stage"), *(Column(heading=state, numeric=True) for state in states)]
    )
    console.print("Artifacts, by content:")
    for stage in all_stages():
        cells = [counts[stage, state] for state in states]
        if any(cells):
            table.add(stage, *(str(cell or "") for cell in cells))
    table.show(console)
    unlike = [artifact for artifact in artifacts if artifact.state != EQUAL]
    for artifact in unlike if show_all else unlike[:SHOWN]:
        why = " in spite of equal inputs and sources" if artifact.same_key else ""
        console.print(f"{artifact.state}: {artifact.stage} {artifact.name}{why}")
    if len(unlike) > SHOWN and not show_all:
        console.print(f"... and {len(unlike) - SHOWN} more: --all shows them.")
    return not unlike
