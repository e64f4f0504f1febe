"""What the tests of archives share: a store with results, and what is done to archives of it."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
from fakes import GRID, MetricsRunner, write_grid, write_report

from bare_runner import resolver_on
from bench import archive, claims
from bench.archive import bag
from bench.archive.reader import members, read_in_chunks
from bench.archive.writer import Item, pack
from bench.console.events import Emit
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.pipeline import execute, plan, survey
from bench.report.figures import Rendered
from bench.runners import Job
from bench.runners.wire import Result

DATE = datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)
RESULTS = "data/store/reports/grid/results.csv"
Files = dict[str, bytes]


class Infeasible(MetricsRunner):
    """Finds one point infeasible to compile."""

    def __init__(self, point: str) -> None:
        super().__init__()
        self._point = point

    def run(self, job: Job, emit: Emit, cancelled: Event) -> Result:
        result: Result = super().run(job, emit, cancelled)
        stopped = job.request.stage == "compile" and job.task == self._point
        return replace(result, status="infeasible", reason="PE 8 of 10") if stopped else result


class Built:
    """A store with a small grid's results, of which one simulation failed.

    Args:
        folder: Where it is made.
        infeasible: Whether that point is infeasible to compile instead.
        dataset: What it is trained on.
    """

    def __init__(self, folder: Path, *, infeasible: bool = False, dataset: str = "MNIST") -> None:
        text = GRID.replace("[[2, 2], [4, 4]]", "[[2, 2]]").replace('"MNIST"', f'"{dataset}"')
        self.file = write_grid(folder, text)
        self.grid = load_grid(self.file)
        self.experiments = expand(self.grid)
        last = self.experiments[1].name
        runner = Infeasible(last) if infeasible else MetricsRunner()
        if not infeasible:
            runner.fail_on("simulate", last)
        self.resolver = resolver_on(folder / "store", runner)
        execute(plan(self.experiments), self.resolver, 1, 1, lambda event: None)
        self.write_report()
        self.packed = self.pack(folder / "built.tar.gz")
        self.files = contents(self.packed)

    def write_report(self) -> None:
        folder = self.resolver.store.root / "reports" / "test"
        stated = claims.load_claims(claims.claims_beside(self.file))
        with pytest.MonkeyPatch.context() as patch:  # drawing takes seconds
            drawn = Rendered("<svg/>", "<svg><text>Thresholding</text></svg>", b"PNG")
            patch.setattr(
                "bench.report.html.write.render", lambda figure, _: drawn if figure.draw else None
            )
            write_report(self.file, self.resolver, folder, stated)

    def select(self, *kinds: str) -> archive.Selection:
        found = survey(self.experiments, self.resolver)
        return archive.select(self.file, self.grid, self.experiments, (), found, kinds)

    def pack(self, target: Path, *kinds: str) -> Path:
        chosen = self.select(*kinds)
        return pack(chosen.items, chosen.tags, target, chosen.folder, chosen.date).path


def contents(path: Path) -> Files:
    return {member.name: b"".join(read_in_chunks(member)) for member in members(path)}


def repack(files: Files, target: Path) -> Path:
    """An archive of `files` with checksums made anew: what a careful tamperer would do."""
    items = [Item(n, data) for n, data in files.items() if n not in bag.TAGS]
    payload = [item for item in items if item.name.startswith(bag.PAYLOAD)]
    return pack(payload, [item for item in items if item not in payload], target, "top", DATE).path


def sealed(files: Files) -> Files:
    """`files` with the checksums of all but the payload made anew, and nothing else."""
    beside = {
        name: hashlib.sha256(data).hexdigest()
        for name, data in files.items()
        if not name.startswith(bag.PAYLOAD) and name != bag.TAG_MANIFEST
    }
    return {**files, bag.TAG_MANIFEST: bag.manifest_text(beside).encode()}


def write_zip(path: Path, files: Files, top: str = "top/") -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in files.items():
            file.writestr(zipfile.ZipInfo(f"{top}{name}"), data)
    return path


def digested(manifest: bytes) -> bytes:
    """A manifest that was changed by hand, its digest made anew."""
    first, _, rest = manifest.split(b"\n", 2)
    digest = hashlib.sha256(rest).hexdigest()
    return b"\n".join((first, f' "digest": "{digest}",'.encode(), rest))


def change(name: str, old: str, new: str) -> Callable[[Files], None]:
    def edit(files: Files) -> None:
        text = files[name].decode()
        assert old in text
        files[name] = text.replace(old, new, 1).encode()

    return edit


def command_line(words: list[str], built: Built, tmp_path: Path) -> list[str]:
    """A command about the grid of `built`; `tmp_path` takes an archive."""
    options = ["--store", str(built.resolver.store.root), "--runner", "venv"]
    if words == ["why"]:
        return ["why", built.experiments[0].name, "accuracy", "--file", str(built.file), *options]
    more = ["--output", str(tmp_path / "x.tar.gz")] if words == ["export"] else []
    return [*words, str(built.file), *options, *more]
