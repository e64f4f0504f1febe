"""`bench compare`: two stores, or two reports, value by value."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click
from rich import box
from rich.table import Table

from bench.console.terminal import Terminal, styled
from bench.console.text import counted
from bench.errors import ConfigError, Exit
from bench.flows import all_stages
from bench.report import compare
from bench.report.compare import DIFFERENT, EQUAL, MISSING, STATES, Comparison, Difference
from bench.results import File, tolerance_of
from bench.session.kinds import PathKind
from bench.store import Store

# More than that fill a screen; `--all` shows them.
SHOWN = 20


@click.command("compare")
@click.argument("one", metavar="A", type=PathKind())
@click.argument("other", metavar="B", type=PathKind())
@click.option("--grid", help="Of two stores, compare this grid's report only.")
@click.option("--all", "show_all", is_flag=True, help="Show every difference.")
@click.option("--strict", is_flag=True, help="Different contents of artifacts count, too.")
@click.pass_context
def command(
    context: click.Context, one: Path, other: Path, grid: str | None, show_all: bool, strict: bool
) -> None:
    """Compare A with B: two stores, two report folders, or two results.csv.

    Each value is equal, within its column's tolerance, different, or missing on one side. Of two
    stores, artifacts are compared by content, too, once every file has the hash that its manifest
    says. Exit code 0 where all is equal or within tolerance, 8 where not, 5 where an artifact is
    damaged.

    \b
    Examples:
      bench compare artifacts /mnt/other-machine/artifacts
      bench compare artifacts/reports/quick ../board/reports/quick
    """
    console = Terminal(soft_wrap=not sys.stdout.isatty())
    reports_a, reports_b = _reports(one, grid), _reports(other, grid)
    if len(reports_a) == len(reports_b) == 1:
        pairs = [(*reports_a.values(), *reports_b.values())]
        alike = True
    else:
        shared = [name for name in reports_a if name in reports_b]
        pairs = [(reports_a[name], reports_b[name]) for name in shared]
        alike = _tell_lonely(reports_a, reports_b, one, other, console)
    for results_a, results_b in pairs:
        found = compare.compare_results(results_a, results_b)
        console.print(f"\nA: {results_a}\nB: {results_b}", soft_wrap=True)
        _show(found, show_all, console)
        alike = alike and found.alike
    if _is_store(one) and _is_store(other):
        same = _show_artifacts(one, other, show_all, console)
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
    found = {
        results.parent.name: results
        for results in sorted((path / "reports").glob(f"*/{File.RESULTS}"))
        if grid in (None, results.parent.name)
    }
    if not found:
        of = f" of grid '{grid}'" if grid else ""
        raise ConfigError(
            f"{path} has no report{of}.",
            "Name a store, a report's folder or a results.csv; `bench report` writes one.",
        )
    return found


def _tell_lonely(
    reports_a: dict[str, Path],
    reports_b: dict[str, Path],
    one: Path,
    other: Path,
    console: Terminal,
) -> bool:
    """Say which grids only one store has; whether there are none."""
    lonely = [(name, one) for name in reports_a if name not in reports_b]
    lonely += [(name, other) for name in reports_b if name not in reports_a]
    for name, where in lonely:
        console.print(f"missing: grid '{name}' is in {where} only")
    return not lonely


def _show(found: Comparison, show_all: bool, console: Terminal) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("column", no_wrap=True)
    for state in STATES:
        table.add_column(state, justify="right", no_wrap=True)
    table.add_column("tolerance", overflow="fold")
    equal = []
    for column, counts in found.counts.items():
        if not counts.keys() - {EQUAL}:
            equal += [column] if counts else []
            continue
        cells = [str(counts[state] or "") for state in STATES]
        table.add_row(column, *cells, str(tolerance_of(column)))
    if table.row_count:
        console.print(table)
    console.print(
        f"{counted(found.rows, 'experiment')} in both; {counted(len(equal), 'column')} equal "
        "throughout."
    )
    for name, columns in zip("AB", found.only, strict=True):
        if columns:
            console.print(f"Columns that only {name} has, by its version: {', '.join(columns)}.")
    for name, rows in zip("AB", found.wrong, strict=True):
        if rows:
            console.print(f"wrong in {name}: {', '.join(rows)}", style="red")
    shown = found.differences if show_all else found.differences[:SHOWN]
    for difference in shown:
        console.print(_line(difference), soft_wrap=True)
    if len(shown) < len(found.differences):
        console.print(f"... and {len(found.differences) - len(shown)} more: --all shows them.")


def _line(difference: Difference) -> str:
    if difference.column is None:
        where = "A" if difference.a else "B"
        return f"{difference.state}: {difference.row} is in {where} only"
    a, b = difference.a or "nothing", difference.b or "nothing"
    allowed = "" if difference.allowed is None else f" (within: {difference.allowed:.3g})"
    row, column = difference.row, difference.column
    return f"{difference.state}: {row}: {column}: {a} | {b}{allowed}"


def _show_artifacts(one: Path, other: Path, show_all: bool, console: Terminal) -> bool:
    """A line for each stage, and for each artifact that is not equal; whether all are."""
    states = list(compare.compare_artifacts(Store(one).entries(), Store(other).entries()))
    counts = Counter((found.stage, found.state) for found in states)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title="Artifacts, by content")
    table.add_column("stage", no_wrap=True)
    for state in (EQUAL, DIFFERENT, MISSING):
        table.add_column(state, justify="right")
    for stage in all_stages():
        cells = [counts[stage, state] for state in (EQUAL, DIFFERENT, MISSING)]
        if any(cells):
            table.add_row(stage, *(str(cell or "") for cell in cells))
    console.print(table)
    unlike = [found for found in states if found.state != EQUAL]
    for found in unlike if show_all else unlike[:SHOWN]:
        why = " though made from the same by the same" if found.same_key else ""
        console.print(f"{found.state}: {found.stage} {found.name}{why}")
    if len(unlike) > SHOWN and not show_all:
        console.print(f"... and {len(unlike) - SHOWN} more: --all shows them.")
    return not unlike
