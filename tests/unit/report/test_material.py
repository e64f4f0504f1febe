"""What the report shows of single designs: the right ones, whatever became of their neighbours."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from fakes import FakeRunner
from wrong_design import INTERVALS, DesignRunner

from bench import report
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.pipeline import Resolver, execute, plan, survey
from bench.report.figures.graph import graph_figures
from bench.report.figures.layers import layer_figures
from bench.report.material import Material
from bench.report.ratios import throughput_ratios


@pytest.fixture
def runner() -> FakeRunner:
    return DesignRunner()


def gathered(grid_file: Path, resolver: Resolver, foldings: list[str]) -> Material:
    text = grid_file.read_text().replace('["low", "max"]', json.dumps(foldings))
    grid_file.write_text(text.replace("[[2, 2], [4, 4]]", "[[2, 2]]"))
    experiments = expand(load_grid(grid_file))
    execute(plan(experiments), resolver, 2, 2, lambda event: None)
    return report.gather(
        "test",
        experiments,
        report.collect(experiments, survey(experiments, resolver)),
        report.collect_trainings(experiments, survey(experiments, resolver)),
        survey(experiments, resolver).chains,
    )


ORDERS = (
    ["max", "mid-original", "low", "min"],
    ["mid-original", "min", "max", "low"],
    ["low", "max", "mid-original", "min"],
    ["min", "low", "max"],
)


# Each order whole, and each folding that can fail in orders that have it first or last.
@pytest.mark.parametrize(
    ("foldings", "failing"),
    [*((order, "") for order in ORDERS), (ORDERS[0], "max"), (ORDERS[3], "max"),
     (ORDERS[1], "low"), (ORDERS[2], "low")],
)  # fmt: skip
def test_slowest_and_fastest_are_so_by_their_intervals(
    grid_file: Path, resolver: Resolver, runner: FakeRunner, foldings: list[str], failing: str
) -> None:
    runner.fail_on("simulate", f"tfc-mnist-w2a2-s1-{failing}")
    material = gathered(grid_file, resolver, foldings)
    simulated = [name for name in INTERVALS if name != failing]
    expected = (
        max(simulated, key=INTERVALS.__getitem__),
        min(simulated, key=INTERVALS.__getitem__),
    )
    for design, folding in zip((material.slowest, material.fastest), expected, strict=True):
        assert design is not None
        assert (design.name, design.point) == (
            f"tfc-mnist-w2a2-s1-{folding}",
            foldings.index(folding),
        )
        assert design.interval == INTERVALS[folding]
        assert design.layers[0].cycles == INTERVALS[folding]
    for figure in layer_figures(material):
        assert f"{figure.data['design'].iloc[0]}".endswith(expected[0])  # type: ignore[index]


def gathered_where(
    grid_file: Path, resolver: Resolver, foldings: list[str], fits: list[bool | None]
) -> Material:
    """As `gathered`, with other values of `fits`."""
    material = gathered(grid_file, resolver, foldings)
    results = material.results.assign(fits=pd.array(fits, dtype="boolean"))
    experiments = expand(load_grid(grid_file))
    return report.gather("test", experiments, results, material.trainings, material.chains)


@pytest.mark.parametrize(
    ("fits", "kinds"),
    [
        ([True, True, False], {"min": "slowest", "low": "fastest that fits"}),
        ([True, False, False], {"min": "slowest and fastest that fits"}),
        ([False, False, False], {"min": "slowest", "max": "fastest of all, does not fit"}),
        ([None, None, None], {"min": "slowest", "max": "fastest"}),
    ],
)
def test_the_fastest_is_one_that_fits_or_is_said_not_to(
    grid_file: Path, resolver: Resolver, fits: list[bool | None], kinds: dict[str, str]
) -> None:
    foldings = ["min", "low", "max"]
    material = gathered_where(grid_file, resolver, foldings, fits)
    layers, streams = layer_figures(material)
    graph = next(graph_figures(material))
    names = {f"tfc-mnist-w2a2-s1-{folding}": kind for folding, kind in kinds.items()}
    for figure in (layers, streams):
        assert figure.data is not None
        assert list(figure.data["design"].unique()) == list(names)
        for name, kind in names.items():
            assert f"In {name} ({kind}) " in figure.seen
    fastest = list(names)[-1]
    assert graph.title.startswith(f"Hardware graph of {fastest} (fastest")


def test_without_a_simulation_there_is_no_slowest_design(
    grid_file: Path, resolver: Resolver, runner: FakeRunner
) -> None:
    runner.fail_on("simulate", "tfc-mnist-w2a2-s1-low")
    material = gathered(grid_file, resolver, ["mid-original", "low"])
    assert (material.slowest, material.fastest) == (None, None)


def test_foldings_are_compared_on_one_board(grid_file: Path, resolver: Resolver) -> None:
    text = grid_file.read_text()
    grid_file.write_text(text.replace('board = "Pynq-Z1"', 'board = ["Pynq-Z1", "ZCU104"]'))
    rows = gathered(grid_file, resolver, ["low", "max"]).rows
    assert [(one.point, one.slow, one.fast, one.core) for one in throughput_ratios(rows)] == [
        (f"TFC MNIST w2a2 seed 1 {board}", "low", "max", 64.0) for board in ("Pynq-Z1", "ZCU104")
    ]
    alone = throughput_ratios([row for row in rows if row["folding"] == "low"])
    assert alone == [], "one folding on two boards is no ratio of foldings"
