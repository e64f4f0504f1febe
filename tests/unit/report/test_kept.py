"""Drawings of the last report: taken only where nothing that decides them differs."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import gathered, write_report

from bench import report
from bench.grids.experiment import Point
from bench.pipeline import Resolver, execute, plan
from bench.report.figures import Figure, Rendered, kept
from bench.report.material import Material

ABOUT = report.About(Path("experiments/test.toml"))


@pytest.fixture
def material(experiments: Sequence[Point], resolver: Resolver) -> Material:
    """A grid of which nothing was made: four rows without numbers."""
    return gathered(experiments, resolver)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the figures, as each is drawn: in no time, with bytes that are not UTF-8."""
    names: list[str] = []

    def render(figure: Figure, _: Mapping[str, str]) -> Rendered | None:
        names.append(figure.name)
        return Rendered("<svg/>", f"<svg>{figure.name} ä</svg>", b"\x89PNG\xff")

    monkeypatch.setattr("bench.report.html.write.render", render)
    return names


def test_what_does_not_differ_is_not_drawn_again(
    material: Material, drawn: list[str], tmp_path: Path
) -> None:
    folder, cache = tmp_path / "report", tmp_path / "cache" / "g.json"
    first = report.write_page(material, ABOUT, folder, None, cache)
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert first.drawn
    assert len(drawn) == len(set(drawn)) > 3
    drawn.clear()
    next((folder / "figures").glob("*.png")).write_bytes(b"changed by hand")
    assert not report.write_page(material, ABOUT, folder, None, cache).drawn
    assert drawn == []
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == files


def test_whatever_decides_a_figure_decides_whether_it_is_kept(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [kept.inputs_of(material, {"0": "first"})]
    assert kept.inputs_of(material, {"0": "first"}) == found[0]
    results = material.results.copy()
    results["lut"] = [1, 2, 3, 4]
    trainings = material.trainings.assign(accuracy=0.9)
    for other in (
        replace(material, results=results),
        replace(material, trainings=trainings),
        replace(material, trainings=trainings.assign(accuracy=0.9 + 1e-15)),
        replace(material, curves={"tfc": [0.5]}),
        replace(material, limits={"xc7z020": {"lut": 53200}}),
        replace(material, grid="other"),
    ):
        found.append(kept.inputs_of(other, {"0": "first"}))
    found.append(kept.inputs_of(material, {"0": "second"}))
    monkeypatch.setattr(kept, "version", lambda name: f"{name} of tomorrow")
    found.append(kept.inputs_of(material, {"0": "first"}))
    monkeypatch.setattr(kept, "hash_sources", lambda root, sources: "other code")
    found.append(kept.inputs_of(material, {"0": "first"}))
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("damage", ["truncate", "content", "no-json"])
def test_damaged_drawings_are_drawn_again(
    material: Material, drawn: list[str], tmp_path: Path, damage: str
) -> None:
    cache = tmp_path / "g.json"
    report.write_page(material, ABOUT, tmp_path / "report", None, cache)
    text = cache.read_text()
    cache.write_text(
        {"truncate": text[:-9], "content": text.replace("<svg/>", "<svg />"), "no-json": "[]"}[
            damage
        ]
    )
    drawn.clear()
    assert report.write_page(material, ABOUT, tmp_path / "report", None, cache).drawn
    assert drawn
    assert json.loads(cache.read_text()) == json.loads(text)


def test_a_report_outside_the_store_keeps_no_drawings_in_it(
    experiments: Sequence[Point],
    grid_file: Path,
    resolver: Resolver,
    drawn: list[str],
    tmp_path: Path,
) -> None:
    execute(plan(experiments[:1]), resolver, 1, 1, lambda event: None)
    cache = resolver.store.root / "cache" / "figures"
    for folder, keeps in ((tmp_path / "dry run", False), (resolver.store.root / "r", True)):
        reported = write_report(grid_file, resolver, folder)
        assert reported.drawn
        assert cache.exists() == keeps
    assert not write_report(grid_file, resolver, folder).drawn


def test_runs_that_end_together_do_not_remove_each_others_files(
    experiments: Sequence[Point],
    grid_file: Path,
    resolver: Resolver,
    drawn: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    execute(plan(experiments[:1]), resolver, 1, 1, lambda event: None)
    folder = resolver.store.root / "reports" / "test"
    both = threading.Barrier(2)
    write, met = report.write, []

    def meet(*arguments: Any) -> tuple[Path, ...]:
        with suppress(threading.BrokenBarrierError):
            met.append(both.wait(0.1))
        return write(*arguments)

    monkeypatch.setattr(report, "write", meet)
    with ThreadPoolExecutor(2) as threads:
        ends = [threads.submit(write_report, grid_file, resolver, folder) for _ in range(2)]
    assert ends[0].result().written == ends[1].result().written
    assert not met
