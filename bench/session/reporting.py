"""A grid's whole report, from the store to files."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from bench import claims, provenance, report
from bench.errors import store_error
from bench.pipeline import Survey, survey
from bench.session import runners
from bench.session.grids import Changes, OpenGrid, open_grid
from bench.store import Store
from bench.system.files import check_writable
from bench.system.locks import hold


@dataclass(frozen=True)
class Reported:
    """A grid's report.

    Attributes:
        regressions: Claims whose verdict was better in an earlier report.
        written: The files, the page first.
        drawn: Whether figures were drawn, instead of reused.
    """

    results: pd.DataFrame
    judgements: tuple[claims.Judgement, ...]
    regressions: tuple[claims.Regression, ...]
    written: tuple[Path, ...]
    drawn: bool


def look_up(grid: OpenGrid, runner: str, store: Path) -> Survey:
    """The survey of a grid, with the artifacts of the runner that made the most of them.

    Args:
        grid: The grid.
        runner: See `choose_runner`.
        store: The store's folder.

    Raises:
        StoreError: There is no store.
    """
    Store(store).require()
    return survey(grid.points, *runners.open_resolvers(store, runner, grid.grid))


def folder_of(grid: OpenGrid, store: Path) -> Path:
    """Where the report of `grid` is in `store`."""
    return store / "reports" / grid.name


def report_from_store(
    file: Path, changes: Changes, runner: str, store: Path, *, dry_run: bool, accept: bool = False
) -> tuple[OpenGrid, Survey, Reported, tuple[str, ...]]:
    """Report on the grid in `file` from the store; see `report_on` and `preview`."""
    grid = open_grid(file, changes)
    stated = claims.load_claims(claims.claims_beside(file), (grid.grid.network,))
    surveyed = look_up(grid, runner, store)
    folder = folder_of(grid, store)
    write = partial(report_on, grid, surveyed, stated, accept=accept, place=folder)
    reported, lines = preview(folder, write) if dry_run else (write(folder), ())
    return grid, surveyed, reported, lines


def report_on(
    grid: OpenGrid,
    surveyed: Survey,
    stated: Mapping[str, claims.Claim],
    folder: Path,
    *,
    accept: bool = False,
    place: Path | None = None,
) -> Reported:
    """Write the page, every table, the verdicts on the claims `stated`, and the RO-Crate.

    With `accept`, verdicts that are worse than before become the new reference. `place` is where
    the report is to stand, and its links lead from; default: `folder`.

    Raises:
        DamageError: An artifact is damaged.
        StoreError: The folder cannot be written.
    """
    surveyed.require_sound()
    results = report.collect(grid.experiments, surveyed)
    trainings = report.collect_trainings(grid.points, surveyed)
    judgements = claims.judge(stated, results, trainings)
    material = report.gather(grid.name, grid.points, results, trainings, surveyed.chains)
    about = report.About(grid.file, grid.changes.options)
    root = surveyed.root
    # A dry run has a folder outside of the store, and must not change the store.
    inside = folder.is_relative_to(root)
    kept = root / "cache" / "figures" / f"{grid.name}.json" if inside else None
    with _only_writer(root, grid.name) if inside else nullcontext():
        page = report.write_page(
            material, about, folder, claims.as_json(judgements)["claims"], kept, place=place
        )
        written = (
            page.path,
            *report.write(results, grid.name, folder),
            *report.write_more(results, trainings, grid.name, folder),
            claims.write_claims(judgements, folder),
        )
        regressions = claims.compare(judgements, folder, accept=accept)
        # Last, since it names every file of the report with its hash.
        crate = provenance.write_crate(folder, grid.name, surveyed.chains)
    return Reported(results, judgements, regressions, (*written, crate), page.drawn)


def preview(folder: Path, write: Callable[[Path], Reported]) -> tuple[Reported, tuple[str, ...]]:
    """What `write` would do to a report's `folder`, done to a copy.

    Returns:
        The report, and a line for each of its files.

    Raises:
        StoreError: Nothing could be written to `folder`.
    """
    try:
        check_writable(folder)
    except OSError as error:
        raise store_error(error, folder) from error
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / folder.name
        if folder.exists():
            shutil.copytree(folder, copy)
        reported = write(copy)
        files = [(path, folder / path.relative_to(copy)) for path in reported.written]
        return reported, tuple(f"{_change(new, old)}: {old}" for new, old in files)


def _change(new: Path, old: Path) -> str:
    if not old.exists():
        return "would write"
    same = old.read_bytes() == new.read_bytes()
    return "would stay as it is" if same else "would change"


@contextmanager
def _only_writer(root: Path, grid: str) -> Iterator[None]:
    """Hold the lock on a grid's report: two runs of a grid that share artifacts end together."""
    path = root / "locks" / f"report-{hashlib.sha256(grid.encode()).hexdigest()[:12]}.lock"
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold(path, threading.Event()))
        except OSError as error:
            raise store_error(error, path) from error
        yield
