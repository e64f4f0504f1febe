"""What goes into an archive: the report, all manifests and metrics, and chosen artifacts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path

from bench.archive.bag import GRIDS, POINTS, REPORT, STORE
from bench.archive.check import compare_rows
from bench.archive.points import Points, collect_points
from bench.archive.tags import tag_files
from bench.archive.writer import Item
from bench.claims import claims_beside
from bench.errors import ConfigError
from bench.flows import all_stages
from bench.grids.experiment import Point
from bench.grids.foldings import FOLDINGS_FILE
from bench.grids.tables import Grid
from bench.pipeline import Survey
from bench.store import DamageError, Entry
from bench.system.files import TEMPORARY

ALWAYS = ("files/metrics.json",)


def _kinds() -> dict[str, dict[str, tuple[str, ...]]]:
    """What `--with` takes: patterns below an artifact's folder, by stage."""
    kinds: dict[str, dict[str, tuple[str, ...]]] = {}
    for stage in all_stages().values():
        for kind, patterns in stage.files.items():
            kinds.setdefault(kind, {})[stage.name] = patterns
    return kinds | {
        "logs": {"": ("log.txt",)},
        "all": {"": ("log.txt", "request.json", "files/*")},
    }


KINDS = _kinds()


@dataclass(frozen=True)
class Selection:
    """What an archive will hold.

    Attributes:
        items: The payload.
        tags: Files beside it.
        folder: Name of the folder in the archive.
        date: Of the newest artifact; used for every file.
    """

    items: tuple[Item, ...]
    tags: tuple[Item, ...]
    folder: str
    date: datetime

    @property
    def bytes(self) -> int:
        """Uncompressed size of the payload."""
        return sum(
            len(item.source) if isinstance(item.source, bytes) else item.source.stat().st_size
            for item in self.items
        )


def select(
    file: Path,
    grid: Grid,
    experiments: tuple[Point, ...],
    references: tuple[Point, ...],
    survey: Survey,
    kinds: Sequence[str],
) -> Selection:
    """What an archive of `grid` holds.

    Args:
        file: The grid's file.
        grid: With the changes of the command line.
        experiments: Its experiments.
        references: What it trains for comparison.
        survey: The state of its points.
        kinds: Keys of `KINDS`: artifacts to include.

    Raises:
        ConfigError: The store has nothing of it, or the report is missing or outdated.
        DamageError: An artifact is not what its manifest says.
    """
    survey.require_sound()
    if not survey.present:
        raise ConfigError(
            f"Nothing of grid '{grid.name}' is in {survey.root}.",
            f"Run it first: bench run {file}",
        )
    points = collect_points(grid.name, experiments, references, survey)
    report = survey.root / "reports" / grid.name
    _require_report(report, points, survey, file)
    entries = {entry.folder: entry for entry in survey.present.values()}
    items = [
        Item(POINTS, (points.model_dump_json(indent=1) + "\n").encode()),
        *_files(report, REPORT),
        *_grid_files(file, grid, kinds),
    ]
    for entry in entries.values():
        items += _artifact(entry, survey.root, kinds)
    for step in survey.steps.values():
        if step.stored.failure:
            folder, _ = step.stored.failure
            items += [_item(folder / name, survey.root) for name in ("manifest.json", "log.txt")]
    tags = [Item(name, content) for name, content in tag_files(grid.name).items()]
    date = datetime.fromisoformat(max(entry.manifest.created for entry in entries.values()))
    return Selection(tuple(items), tuple(tags), f"finn-bench-{grid.name}", date)


def _require_report(report: Path, points: Points, survey: Survey, file: Path) -> None:
    remedy = f"Write it: bench report {file}, with the same options."
    if not (report / "results.csv").is_file():
        raise ConfigError(f"{report} holds no report.", remedy)
    stale = compare_rows(report, points, survey, claims_beside(file)).wrong
    if stale:
        raise ConfigError(f"The report does not match the store: {stale[0]}.", remedy)


def _files(folder: Path, prefix: str) -> Iterator[Item]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != TEMPORARY:
            yield Item(f"{prefix}{path.relative_to(folder).as_posix()}", path)


def _grid_files(file: Path, grid: Grid, kinds: Sequence[str]) -> Iterator[Item]:
    """The experiment file and what it names; data of the user's own where data are wanted."""
    beside = [file.parent / name for name in (FOLDINGS_FILE, *grid.build.folding_files)]
    if {"data", "all"} & {*kinds}:
        data = {sha256 for spec in grid.data if spec.given for _, sha256 in spec.checksums}
        beside += [given.path for given in grid.files if given.sha256 in data]
    for path in dict.fromkeys((file, claims_beside(file), *beside)):
        if path.is_file():
            below = path.is_relative_to(file.parent)
            name = path.relative_to(file.parent).as_posix() if below else path.name
            yield Item(f"{GRIDS}{name}", path)


def _artifact(entry: Entry, root: Path, kinds: Sequence[str]) -> Iterator[Item]:
    """The manifest, the metrics, the log unless it is done, and files of the wanted kinds."""
    stage = entry.manifest.stage
    patterns = list(ALWAYS)
    for kind in kinds:
        patterns += KINDS[kind].get(stage, ()) + KINDS[kind].get("", ())
    if entry.manifest.status != "done":
        patterns += KINDS["logs"][""]  # the page leads to it
    yield _item(entry.folder / "manifest.json", root)
    for artifact in entry.manifest.artifacts:
        name = f"files/{artifact.path}"
        if any(fnmatch(name, pattern) for pattern in patterns):
            path = entry.folder / name
            if not path.is_file():
                raise DamageError(entry.folder, f"{artifact.path} is missing")
            yield replace(_item(path, root), artifact=entry.folder, sha256=artifact.sha256)
    for name in ("log.txt", "request.json"):  # no part of the artifact
        path = entry.folder / name
        if path.is_file() and any(fnmatch(name, pattern) for pattern in patterns):
            yield _item(path, root)


def _item(path: Path, root: Path) -> Item:
    return Item(f"{STORE}{path.relative_to(root).as_posix()}", path)
