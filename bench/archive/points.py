"""`points.json`: which artifact is whose, so that every row can be computed again elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, ValidationError

from bench import __version__
from bench.archive.bag import FORMAT, POINTS, ArchiveError
from bench.archive.renderer import renderer
from bench.console.text import excerpt
from bench.environments import ENVIRONMENTS
from bench.grids.experiment import Point
from bench.grids.schema import first_problem
from bench.pipeline import Resolver, Task, plan
from bench.runners import Runner
from bench.store import Entry, Store
from bench.store.manifest import FILE as MANIFEST


class Points(BaseModel):
    """A grid's points and what became of them.

    Attributes:
        format: Of this file.
        bench: The version that wrote it.
        grid: The grid's name.
        experiments: The rows of results.csv, in order.
        references: What is trained for comparison.
        artifacts: Folder in the store of each task's artifact, by task id.
        failures: Key of each task that failed, by task id.
        lacks: Why stages of an environment are skipped there, by environment.
        renderer: What rendered the report; empty in archives of before it was noted.
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
    renderer: str = ""

    @property
    def points(self) -> tuple[Point, ...]:
        """Experiments and references."""
        return (*self.experiments, *self.references)

    def tasks(self) -> list[Task]:
        """The plan of all points."""
        return plan(self.points)


class _Header(BaseModel):
    format: int
    bench: str = "of another version"


def collect_points(
    grid: str,
    experiments: tuple[Point, ...],
    references: tuple[Point, ...],
    resolver: Resolver,
) -> tuple[Points, dict[str, Entry], list[Path]]:
    """The points of a grid; their artifacts by task id; the folders of failures among them."""
    tasks = plan((*experiments, *references))
    present = resolver.present(tasks, strict=True)
    failures, folders = {}, []
    for task in tasks:
        inputs = {name: present[need] for name, need in task.needs.items() if need in present}
        if task.id in present or len(inputs) < len(task.needs) or resolver.lacks(task):
            continue
        key = resolver.key(task, inputs)
        found = resolver.store.failure(task.stage.name, key)
        if found is not None:
            failures[task.id] = key
            folders.append(found[0])
    root = resolver.store.root
    points = Points(
        format=FORMAT,
        bench=__version__,
        grid=grid,
        experiments=experiments,
        references=references,
        artifacts={i: e.folder.relative_to(root).as_posix() for i, e in present.items()},
        failures=failures,
        lacks={task.stage.environment: lack for task in tasks if (lack := resolver.lacks(task))},
        renderer=renderer(),
    )
    return points, present, folders


def read_points(path: Path) -> Points:
    """The points in `path`.

    Raises:
        ArchiveError: There are none, or another version wrote them in another way.
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
            "Get the archive anew, or check it with the version of bench that wrote it; this one "
            f"is {__version__}.",
        )
    raise ArchiveError(
        f"{POINTS} cannot be read: {trouble}; written by bench {excerpt(header.bench, 40)}.",
        f"Check it with that version of bench; this one is {__version__}.",
    )


class Recorded(Resolver):
    """Looks artifacts up as `points.json` says, whatever the environments of this machine are.

    Args:
        points: From the archive.
        store: What it holds.
    """

    def __init__(self, points: Points, store: Store) -> None:
        # Of a runner, reports want to know only what the machine of the archive lacked.
        runner = cast("Runner", _Lacking(points.lacks))
        super().__init__(store, dict.fromkeys(ENVIRONMENTS, runner))
        self._points = points
        self._found: dict[str, Entry] = {}
        for task_id, folder in points.artifacts.items():
            if folder.startswith("/") or ".." in folder.split("/"):
                raise ArchiveError(f"{POINTS} names {folder!r}.", "Do not trust the archive.")
            path = store.root / folder
            if (path / MANIFEST).is_file():
                self._found[task_id] = Entry.read(path)

    def present(
        self,
        tasks: Iterable[Task],
        known: Mapping[str, Entry] | None = None,  # noqa: ARG002  # all that there is, is known
        *,
        strict: bool = False,  # noqa: ARG002  # it was, when they were read
        verify: bool = False,  # noqa: ARG002  # `check` compares every hash
    ) -> dict[str, Entry]:
        """See `Resolver.present`."""
        return {task.id: self._found[task.id] for task in tasks if task.id in self._found}

    def lacks(self, task: Task) -> str:
        """See `Resolver.lacks`."""
        return self._points.lacks.get(task.stage.environment, "")

    def key(self, task: Task, inputs: Mapping[str, Entry]) -> str:  # noqa: ARG002
        """The key of a failure; empty for other tasks: their artifacts need none."""
        return self._points.failures.get(task.id, "")


class _Lacking:
    """Stands for a runner that is only asked what it lacks."""

    def __init__(self, lacks: Mapping[str, str]) -> None:
        self._lacks = lacks

    def lacks(self, environment: str) -> str:
        """See `Runner.lacks`."""
        return self._lacks.get(environment, "")


def missing_artifacts(points: Points, tasks: Sequence[Task], found: Recorded) -> list[str]:
    """What `points.json` names and the archive does not hold, one phrase each."""
    there = found.present(tasks)
    known = {task.id for task in tasks}
    lost = [f for i, f in points.artifacts.items() if i in known and i not in there]
    strange = [folder for i, folder in points.artifacts.items() if i not in known]
    return [f"{folder}: its manifest is missing" for folder in lost] + [
        f"{folder}: it belongs to no point of the grid" for folder in strange
    ]
