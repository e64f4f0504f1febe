"""A grid's whole report: from the store to files, and what a command has to say of it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench import claims, provenance, report
from bench.errors import store_error
from bench.grids.experiment import Point
from bench.grids.tables import Grid
from bench.pipeline import Resolver, plan
from bench.session.common import all_points
from bench.store import Entry
from bench.system.locks import hold


@dataclass(frozen=True)
class Reported:
    """A grid's report: its results, the verdicts on the claims, and the files, the page first.

    `regressions` are the claims with a worse verdict than in an earlier report; `drawn` is whether
    figures were drawn anew.
    """

    results: pd.DataFrame
    judgements: tuple[claims.Judgement, ...]
    regressions: tuple[claims.Regression, ...]
    written: tuple[Path, ...]
    drawn: bool


def report_on(
    grid: Grid,
    experiments: tuple[Point, ...],
    resolver: Resolver,
    folder: Path,
    stated: Mapping[str, claims.Claim],
    about: report.About,
    known: Mapping[str, Entry] | None = None,
    *,
    accept: bool = False,
) -> Reported:
    """Write the page, every table, the verdicts on the claims `stated`, and the RO-Crate.

    With `accept`, verdicts may be worse than before. `known` are artifacts that need not be looked
    up any more, by task id.
    """
    points = all_points(grid, experiments)
    present = resolver.present(plan(points), known, strict=True)
    results = report.collect(experiments, resolver, present)
    trainings = report.collect_trainings(points, resolver, present)
    chains = provenance.chains(points, resolver, present)
    judgements = claims.judge(stated, results, trainings)
    material = report.gather(grid.name, points, results, trainings, chains)
    root = resolver.store.root
    # A rehearsal's folder is outside of the store, and must leave nothing in it.
    kept = root / "cache" / "figures" / f"{grid.name}.json" if folder.is_relative_to(root) else None
    with _only_writer(root, grid.name) if kept else nullcontext():
        page = report.write_page(
            material, about, folder, claims.as_json(judgements)["claims"], kept
        )
        written = (
            page.path,
            *report.write(results, grid.name, folder),
            *report.write_more(results, trainings, grid.name, folder),
            claims.write_claims(judgements, folder),
        )
        regressions = claims.compare(judgements, folder, accept=accept)
        # Last, since it names every file of the report with its hash.
        crate = provenance.write_crate(folder, grid.name, chains)
    return Reported(results, judgements, regressions, (*written, crate), page.drawn)


@contextmanager
def _only_writer(root: Path, grid: str) -> Iterator[None]:
    """Hold the right to write a grid's report: its files belong together, and old ones are removed.

    Two runs of one grid end together when one has waited for the other's last artifact.
    """
    path = root / "locks" / f"report-{hashlib.sha256(grid.encode()).hexdigest()[:12]}.lock"
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold(path, threading.Event()))
        except OSError as error:
            raise store_error(error, path) from error
        yield
