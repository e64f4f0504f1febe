"""Render a report again from the manifests, and compare."""

from __future__ import annotations

import html
import json
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bench import provenance, report
from bench.archive.points import Points
from bench.archive.tables import Counter, compare_table
from bench.archive.tags import renderer
from bench.pipeline import Step, Survey

PAGE, CRATE, TIMING = "index.html", "ro-crate-metadata.json", "timing.json"
# Records of the past, or compared elsewhere.
_NOT_RENDERED = ("claims.json", "verdicts.json", "prediction.json", TIMING, CRATE)
_DRAWINGS = (".svg", ".png")
_COMMAND = re.compile(r"Repeat it all: <code>([^<]*)</code>")
_SVG = re.compile(r"<svg\b.*?</svg>", re.DOTALL)


@dataclass(frozen=True)
class Computed:
    """A report's tables, and its claims as in claims.json under "claims", if they can be judged."""

    results: pd.DataFrame
    trainings: pd.DataFrame
    claims: Sequence[Mapping[str, Any]] | None


@dataclass
class Comparison:
    """Where a report differs from the manifests, a sentence each; and what was not checked."""

    wrong: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


def compare_report(
    folder: Path, points: Points, survey: Survey, computed: Computed, counter: Counter
) -> Comparison:
    """Render the report in `folder` again, except for its drawings, and compare file by file.

    Tables are compared value by value. Text that differs counts as unchecked if another version of
    bench wrote it, which may word it differently.
    """
    compared = Comparison()
    about = _about(folder / PAGE)
    if about is None:
        compared.wrong.append(f"{PAGE} is missing, or does not say which command it is of")
        about = report.About(Path())
    chains, results, trainings = survey.chains, computed.results, computed.trainings
    with tempfile.TemporaryDirectory(prefix="bench-render-") as temporary:
        again = Path(temporary)
        if (folder / TIMING).is_file():
            shutil.copy(folder / TIMING, again)
        material = report.gather(points.grid, points.points, results, trainings, chains)
        report.write_undrawn(material, about, again, computed.claims, place=folder)
        report.write(results, points.grid, again)
        report.write_more(results, trainings, points.grid, again)
        names = _names(again) - {TIMING}
        texts = _Texts(points.renderer == renderer(), compared)
        for name in sorted(names):
            path = folder / name
            if not path.is_file():
                compared.wrong.append(f"{name} is missing")
            elif name.endswith(".csv"):
                compared.wrong += compare_table(name, path, again / name, counter)
            elif not name.endswith(_DRAWINGS):
                texts.compare(name, _text(path), _text(again / name))
    texts.compare(CRATE, *_crates(folder, points.grid, chains))
    compared.unchecked += sorted(_names(folder) - names - set(_NOT_RENDERED))
    return compared


@dataclass(frozen=True)
class _Texts:
    """Compares texts, which another version of bench may word differently."""

    same_renderer: bool
    compared: Comparison

    def compare(self, name: str, said: str | None, wanted: str | None) -> None:
        if said == wanted:
            return
        if self.same_renderer:
            self.compared.wrong.append(f"{name} says something that the manifests do not")
        else:
            self.compared.unchecked.append(f"{name}, which another version of bench wrote")


def _text(path: Path) -> str:
    """The text of a file, drawings left out."""
    return _SVG.sub("<svg/>", path.read_bytes().decode("utf-8", errors="replace"))


def _about(page: Path) -> report.About | None:
    """How the grid was run, as its page says."""
    said = _COMMAND.search(_text(page)) if page.is_file() else None
    try:
        words = shlex.split(html.unescape(said[1])) if said else []
    except ValueError:
        return None
    if words[:2] != ["bench", "run"] or len(words) < 3:
        return None
    return report.About(Path(words[2]), tuple(words[3:]))


def _crates(
    folder: Path, grid: str, chains: Mapping[str, Sequence[Step]]
) -> tuple[str | None, str | None]:
    """The report's RO-Crate, and one written again for the files that it names."""
    if not (folder / CRATE).is_file():
        return None, ""
    said = _text(folder / CRATE)
    with tempfile.TemporaryDirectory(prefix="bench-crate-") as temporary:
        for name in _contained(said):
            if not {"", ".", ".."} & set(name.split("/")) and (folder / name).is_file():
                (Path(temporary) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / name, Path(temporary) / name)
        return said, _text(provenance.write_crate(Path(temporary), grid, chains))


def _contained(crate: str) -> Iterator[str]:
    """The files that an RO-Crate names; none if it is not valid."""
    try:
        graph = {entity["@id"]: entity for entity in json.loads(crate)["@graph"]}
        parts = graph["./"].get("hasPart", [])
        yield from (str(part["@id"]) for part in (parts if isinstance(parts, list) else [parts]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
