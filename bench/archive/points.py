"""`points.json`: the artifacts of each point, to compute every row again without the store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bench import __version__
from bench.archive.bag import FORMAT, POINTS, ArchiveError
from bench.archive.tags import renderer
from bench.console.text import excerpt
from bench.flows import all_stages
from bench.grids.experiment import Point
from bench.input.schema import first_problem
from bench.pipeline import Survey, Task, plan
from bench.pipeline.survey import Stored, derive
from bench.store import Entry, Store
from bench.store.manifest import FILE as MANIFEST


class Points(BaseModel):
    """A grid's points and their state.

    Attributes:
        bench: The version that wrote it.
        grid: The grid's name.
        experiments: The rows of results.csv, in order.
        references: What is trained for comparison.
        artifacts: Folder in the store of each artifact, by task id.
        failures: Key of each failed task, by task id.
        lacks: Why stages were skipped, by environment.
        renderer: See `bench.archive.tags.renderer`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    bench: str
    grid: str
    experiments: tuple[Point, ...]
    references: tuple[Point, ...]
    artifacts: Mapping[str, str]
    failures: Mapping[str, str]
    lacks: Mapping[str, str]
    renderer: str

    @property
    def points(self) -> tuple[Point, ...]:
        """Experiments and references."""
        return (*self.experiments, *self.references)


class _Header(BaseModel):
    format: int
    bench: str = "of another version"


def collect_points(
    grid: str, experiments: tuple[Point, ...], references: tuple[Point, ...], survey: Survey
) -> Points:
    """The points of a grid, and their state."""
    steps = survey.steps
    return Points(
        format=FORMAT,
        bench=__version__,
        grid=grid,
        experiments=experiments,
        references=references,
        artifacts={
            task: entry.folder.relative_to(survey.root).as_posix()
            for task, entry in survey.present.items()
        },
        failures={i: s.stored.failure[1].key for i, s in steps.items() if s.stored.failure},
        lacks=survey.lacks,
        renderer=renderer(),
    )


def read_points(path: Path) -> Points:
    """The points in `path`.

    Raises:
        ArchiveError: They are missing, invalid, or in the format of another version.
    """
    header: _Header | None = None
    try:
        text = path.read_bytes()
        header = _Header.model_validate_json(text)
        if header.format == FORMAT:
            return Points.model_validate_json(text)
        trouble = f"its format is {header.format}, this version reads {FORMAT}"
    except UnicodeDecodeError:
        trouble = "it is not UTF-8"
    except OSError:
        raise ArchiveError(
            f"The archive has no {POINTS}: its rows cannot be computed again.",
            "It was not written by `bench export`.",
        ) from None
    except ValidationError as error:
        trouble = first_problem(error)
    if header is None:
        raise ArchiveError(
            f"{POINTS} cannot be read: {trouble}.",
            "Get the archive again, or check it with the version of bench that wrote it; this one "
            f"is {__version__}.",
        )
    raise ArchiveError(
        f"{POINTS} cannot be read: {trouble}; written by bench {excerpt(header.bench, 40)}.",
        f"Check it with that version of bench; this one is {__version__}.",
    )


def recorded(points: Points, store: Store) -> Survey:
    """The survey that `points.json` records, independent of this machine's environments.

    Raises:
        ArchiveError: It names something outside of the archive.
    """
    entries: dict[str, Entry] = {}
    for task_id, folder in points.artifacts.items():
        if folder.startswith("/") or ".." in folder.split("/"):
            raise ArchiveError(f"{POINTS} names {folder!r}.", "Do not trust the archive.")
        if (store.root / folder / MANIFEST).is_file():
            entries[task_id] = Entry.read(store.root / folder)
    failures = {name: store.failures(name) for name in all_stages() if points.failures}

    def lacks(task: Task) -> str | None:
        return None if task.id in entries else points.lacks.get(task.stage.environment)

    def find(task: Task, inputs: Mapping[str, Entry]) -> Stored:  # noqa: ARG001
        key = points.failures.get(task.id)
        failure = failures[task.stage.name].get(key) if key else None
        return Stored(key=key, entry=entries.get(task.id), failure=failure)

    return derive(points.points, plan(points.points), store.root, lacks, find)


def missing_artifacts(points: Points, survey: Survey) -> list[str]:
    """Where `points.json` and the artifacts in the archive differ, a phrase each."""
    lost = [f for i, f in points.artifacts.items() if i in survey.steps and i not in survey.present]
    strange = [folder for i, folder in points.artifacts.items() if i not in survey.steps]
    return [f"{folder}: its manifest is missing" for folder in lost] + [
        f"{folder}: it belongs to no point of the grid" for folder in strange
    ]
