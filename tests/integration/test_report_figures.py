"""The report's figures, drawn: what files they are, and that odd names do them no harm."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from fakes import MetricsRunner, gathered, write_own_model, write_report

import synthetic
from bare_runner import ENVIRONMENTS
from bench import claims, report
from bench.grids.experiment import Point, expand
from bench.grids.grid import load_grid
from bench.grids.tables import Grid
from bench.paths import ROOT
from bench.pipeline import Resolver, Step, execute, plan, survey
from bench.report.figures import all_figures, render
from bench.report.material import Material, gather
from bench.results import File, names
from bench.results import columns as all_columns
from bench.store import Store

SVG = "{http://www.w3.org/2000/svg}"
EXPECTED = [
    "fastest-mnist", "accuracy-mnist", "epochs-mnist", "throughput",
    "resources-xc7z020clg400-1", "pareto-mnist",
    "layers", "streams", "graph",
]  # fmt: skip


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Nine precisions at three foldings, one of them infeasible, and one failure."""
    root = tmp_path_factory.mktemp("synthetic")
    file = synthetic.write_grid(root / "g", (2, 3, 4), ("max", "low", "mid-original"), ("MNIST",))
    grid, experiments, resolver = synthetic.fill(file, root / "store", ("tfc-mnist-w3a3-s1-low",))
    return _material(grid, experiments, resolver)


def _material(grid: Grid, experiments: Sequence[Point], resolver: Resolver) -> Material:
    points = synthetic.points_of(grid)
    found = survey(points, resolver)
    results = report.collect(experiments, found)
    trainings = report.collect_trainings(points, found)
    return gather(grid.name, points, results, trainings, found.chains)


@pytest.mark.parametrize("accuracy", [0.75, None])
def test_figures_of_a_given_model_need_no_bits(tmp_path: Path, accuracy: float | None) -> None:
    """Nor an accuracy: its images may have no labels."""
    metrics = {
        "import": {"accuracy": accuracy},
        "compile": {"available": {"lut": 53_200, "bram18": 280, "dsp": 220, "uram": 0}},
        "simulate": {"accuracy": accuracy},
    }
    runners = dict.fromkeys(ENVIRONMENTS, MetricsRunner(metrics))
    resolver = Resolver(Store(tmp_path / "store"), runners)
    points = expand(load_grid(write_own_model(tmp_path)))
    execute(plan(points), resolver, jobs=1, cpus=1, emit=lambda event: None)
    figures = all_figures(gathered(points, resolver))
    drawn = {figure.name for figure in figures if render(figure, {})}
    assert {"throughput", "resources-xc7z020clg400-1"} <= drawn
    assert ("pareto-mnist" in drawn) == (accuracy is not None)


def test_every_figure_is_drawn_twice_the_same(material: Material) -> None:
    names = []
    for first, second in zip(all_figures(material), all_figures(material), strict=True):
        names.append(first.name)
        drawn, again = render(first, {}), render(second, {})
        assert drawn == again, first.name
        assert drawn is not None
        assert drawn.png.startswith(b"\x89PNG")
        tree = ElementTree.fromstring(drawn.svg)
        assert next(tree.iter(f"{SVG}text"), None) is not None, "text is text"
        assert "point:" not in drawn.svg
        assert first.data is not None
        assert len(first.data) > 0
    assert names == EXPECTED


def test_figures_say_what_is_seen_and_where_it_is_from(material: Material) -> None:
    figures = {figure.name: figure for figure in all_figures(material)}
    assert "For comparison, trained but not built: float" in figures["accuracy-mnist"].seen
    throughput = figures["throughput"]
    assert "64.0 times" in throughput.seen
    assert "781,250 images/s" in throughput.seen
    for origin in ("estimated", "rtl-sim", "emulated-board"):
        assert origin in throughput.source
    assert "17 rows of results.csv" in throughput.source  # 9 x 2, one failed
    assert "53,200 LUT" in figures["resources-xc7z020clg400-1"].seen


def test_a_simulation_without_a_steady_state_says_so(material: Material) -> None:
    streams = next(figure for figure in all_figures(material) if figure.name == "streams")
    assert "steady state" not in streams.seen
    assert streams.data is not None
    assert streams.data["blocked"].notna().all()
    short = {
        name: tuple(_without_steady_state(step) for step in steps)
        for name, steps in material.chains.items()
    }
    material = gather("short", (), material.results, material.trainings, short)
    streams = next(figure for figure in all_figures(material) if figure.name == "streams")
    assert "too few images for a steady state" in streams.seen
    assert render(streams, {}) is not None


def _without_steady_state(step: Step) -> Step:
    stalls = [
        stall | {"blocked_cycles": None, "starved_cycles": None}
        for stall in step.metrics.get("stalls", ())
    ]
    changed = replace(step)
    # As if the store held them.
    vars(changed)["metrics"] = {**step.metrics, "stalls": stalls, "steady_cycles": 0}
    return changed


def test_odd_names_are_drawn_as_they_are(material: Material) -> None:
    odd = "<b>&amp;\"'$x$ \x01"
    results = material.results.assign(folding=material.results["folding"].replace("max", odd))
    changed = Material(
        odd, results, material.trainings, material.curves, material.limits, material.dma,
        material.slowest, material.fastest, material.chains,
    )  # fmt: skip
    for figure in all_figures(changed):
        drawn = render(figure, {str(n): odd for n in range(len(results))})
        assert drawn is not None
        ElementTree.fromstring(drawn.svg)
        assert "<b>" not in drawn.inline


def test_nothing_done_means_nothing_drawn_and_says_why(tmp_path: Path) -> None:
    file = synthetic.write_grid(tmp_path / "g", (2, 8), ("max",), ("MNIST",))
    grid = load_grid(file)
    resolver = synthetic.resolver_of(tmp_path / "store")
    figures = all_figures(_material(grid, expand(grid), resolver))
    assert [figure.name for figure in figures] == EXPECTED
    assert all(render(figure, {}) is None and figure.seen for figure in figures)


def test_a_grid_without_points_has_no_figures() -> None:
    columns = names(all_columns(File.RESULTS))
    assert all_figures(Material("none", pd.DataFrame(columns=columns), pd.DataFrame())) == []


def test_files_of_a_figure_that_cannot_be_drawn_any_more_go(
    material: Material, tmp_path: Path
) -> None:
    about = report.About(Path("g.toml"))
    report.write_page(material, about, tmp_path)
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == set(EXPECTED)
    results = material.results.assign(ii_simulated=pd.NA, ii_measured=pd.NA)
    report.write_page(
        gather("g", (), results, material.trainings, material.chains), about, tmp_path
    )
    assert not (tmp_path / "figures" / "pareto-mnist.svg").exists()


def test_planning_does_not_wait_for_matplotlib() -> None:
    slow = "{'matplotlib', 'jinja2'}"
    code = f"import sys, bench.cli; sys.exit(bool({slow} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_245_points_take_less_than_10_seconds_and_5_megabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A thousand made-up artifacts need not survive a power cut.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    file = synthetic.write_grid(
        tmp_path / "g", tuple(range(2, 9)), ("max", "high", "mid", "low", "min"), ("MNIST",)
    )
    grid, experiments, resolver = synthetic.fill(file, tmp_path / "store")
    assert len(experiments) == 245
    started = time.process_time()
    folder = tmp_path / "store" / "reports" / grid.name
    stated = claims.load_claims(ROOT / "experiments" / "claims.toml")
    page = write_report(file, resolver, folder, stated).written[0]
    # Of the processor, since whoever else uses the machine is not the report's fault.
    assert time.process_time() - started < 10
    assert page.stat().st_size < 5e6


def test_the_graph_has_every_layer_with_its_figures_and_the_depth_of_every_fifo(
    material: Material,
) -> None:
    design = material.fastest
    assert design is not None
    drawn = render(next(f for f in all_figures(material) if f.name == "graph"), {})
    assert drawn is not None
    for layer in design.layers:
        head = f"{layer.label}  ({layer.folding})"
        assert f">{head}<" in drawn.svg
        assert f">{layer.cycles:,} cycles<" in drawn.svg
    for stream in design.streams:
        assert f">{stream.depth} x {stream.width_bits} bit<" in drawn.svg
