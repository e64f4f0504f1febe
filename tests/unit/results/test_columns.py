"""Columns: each is one record, and a record from outside is everywhere that columns are."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from fakes import FakeRunner, MetricsRunner, as_command_on, gathered, write_grid
from scripts import run_file

from bare_runner import resolver_on
from bench import report
from bench.cli import main
from bench.console.terminal import Terminal
from bench.errors import ConfigError, Exit
from bench.grids.experiment import Point, expand
from bench.grids.grid import load_grid
from bench.paths import ROOT
from bench.pipeline import Resolver, execute, plan, survey
from bench.results import Column, File, Place, column, columns, identity, names, register, registry
from bench.results.facts import facts_of
from bench.results.rates import INTERVALS
from bench.words import Origin

ROW = "tfc-mnist-w2a2-s1-max"
OUTSIDE = """
from bench.results import Column, Place, register
from bench.results.formats import WHOLE
from bench.results.tolerance import ratio
from bench.words import Origin

register(
    Column(
        name="toggles",
        stage="simulate",
        origin=Origin.RTL_SIM,
        unit="toggles",
        formula="bits that change, over all cycles",
        tolerance=ratio(0.25, "follows the weights"),
        heading="togg.",
        format=WHOLE,
        shown=(Place.RESOURCES, Place.PAGE, Place.SEEDS),
    )
)
"""


@pytest.fixture
def runner() -> FakeRunner:
    return MetricsRunner()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Resolver:
    """A store with everything in it."""
    folder = tmp_path_factory.mktemp("made")
    runner = MetricsRunner({"simulate": {"toggles": 12345}})
    resolver = resolver_on(folder / "store", runner)
    tasks = plan(expand(load_grid(write_grid(folder))))
    execute(tasks, resolver, jobs=2, cpus=2, emit=lambda event: None)
    return resolver


@pytest.fixture
def own_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    known = dict(registry._register)
    monkeypatch.setattr(registry, "_register", known)


def test_a_column_is_one_file_outside_of_the_package(
    own_register: None,
    extension: Callable[[str, str], Path],
    made: Resolver,
    experiments: Sequence[Point],
    grid_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Places to touch for a column: 1."""
    extension("toggles.py", OUTSIDE)
    material = gathered(experiments, made)

    file, markdown = report.write(material.results, "test", tmp_path)
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert [row["toggles"] for row in rows] == ["12345"] * 4
    text = markdown.read_text()
    assert "| togg. |" in text
    assert "- `toggles`: rtl-sim; simulate, toggles: bits that change" in text

    console = Terminal(file=io.StringIO(), width=250)
    report.show(material.results, "test", console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "togg." in shown
    assert shown.count("12,345") == 4

    page = report.write_page(material, report.About(grid_file), tmp_path / "page").path.read_text()
    assert ">togg.</abbr></th>" in page
    assert page.count('<td class="n">12,345</td>') == 4
    assert "toggles_mean" in report.over_seeds(material.results)

    options = ["--file", str(grid_file), *as_command_on(made, monkeypatch)]
    assert main(["why", ROW, "toggles", *options]) == Exit.OK
    assert "toggles = 12345 toggles (rtl-sim)" in capsys.readouterr().out
    assert main(["why", ROW, "toggles", *options, "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["column"]["unit"] == "toggles"

    for toggles, exit_code in ((15000, Exit.OK), (20000, Exit.DIFFERENT)):
        other = tmp_path / f"{toggles}.csv"
        material.results.assign(toggles=toggles).to_csv(other, index=False)
        assert main(["compare", str(file), str(other)]) == exit_code
        assert "ratio 25%: follows the weights" in capsys.readouterr().out

    docs = run_file(ROOT / "tools" / "columns.py").render()
    assert "| `toggles`* | toggles | rtl-sim | `toggles`: bits that change" in docs


def test_what_running_a_wrong_design_has_shown_is_withheld_from_new_columns_too(
    own_register: None,
) -> None:
    register(Column(name="of_the_run", stage="simulate", origin=Origin.RTL_SIM))
    register(Column(name="before_it", stage="compile", origin=Origin.ESTIMATED))
    assert (column("of_the_run").withheld, column("before_it").withheld) == (True, False)


@pytest.mark.parametrize(
    ("added", "says"),
    [
        (Column(name="accuracy", stage="train", origin=Origin.TRAINED), "already"),
        (Column(name="new", stage="trian", origin=Origin.TRAINED), "no stage trian"),
    ],
)
def test_a_name_twice_and_a_stage_that_is_not_are_refused(added: Column, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        register(added)


def test_what_columns_say_of_each_other_is_true() -> None:
    known = set(names(columns()))
    for one in columns():
        mentioned = {one.refined_by, one.scope, one.alike_in, one.tolerance.images} - {None}
        assert mentioned <= known, one.name
    assert set(INTERVALS.values()) <= known
    assert {"network", "folding", "board", "seed"} <= set(identity())


def test_numbers_have_units() -> None:
    counted = {"seed", "epochs", "best_epoch", "parameters"}
    without = [one.name for one in columns() if one.form.numeric and not one.unit]
    assert set(without) <= counted


def test_a_column_that_is_not_there_is_an_error_with_a_remedy() -> None:
    with pytest.raises(ConfigError, match="fps_croe") as caught:
        column("fps_croe")
    assert "fps_core" in caught.value.remedy


def test_no_column_is_taken_by_its_place() -> None:
    """Files may have their columns in any order: rows are dictionaries throughout."""
    order = names(columns(File.RESULTS))
    assert order[0] == "experiment"
    shuffled = pd.DataFrame([dict.fromkeys(reversed(order))])[list(reversed(order))]
    shuffled = shuffled.assign(
        network="TFC", dataset="MNIST", weight_bits=2, act_bits=2, seed=1, folding="low",
        board="b", status="missing", stopped_at="train", clock_mhz=100, experiment="tfc",
    )  # fmt: skip
    console = Terminal(file=io.StringIO(), width=200)
    report.show(shuffled, "test", console)
    assert "w2a2 s1 low" in console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("fps_core", "100 x 1e6 / 64 cycles = 1,562,500 images/s"),
        ("accuracy", "accuracy = 0.95310000000001"),
        ("seed", ""),
        ("lut_synth", ""),
    ],
)
def test_a_number_comes_with_its_arithmetic(
    experiments: Sequence[Point], made: Resolver, name: str, numbers: str
) -> None:
    (facts,) = facts_of(experiments[1:2], survey(experiments, made))
    assert column(name).arithmetic_of(facts) == numbers


@pytest.mark.parametrize(
    ("slowest", "numbers"),
    [
        ({"mw": 1024, "mh": 64, "pe": 2, "simd": 8, "cycles_estimated": 4096},
         "A: (1024 / 8) x (64 / 2) = 4096 cycles"),
        ({"mw": 25, "mh": 6, "pe": 6, "simd": 1, "cycles_estimated": 19600},
         "A: (25 / 1) x (6 / 6) x 784 pixels = 19600 cycles"),
        ({"mw": None, "mh": None, "pe": None, "simd": 1, "cycles_estimated": 19733},
         "A: 19733 cycles by FINN's model of this kind of layer"),
    ],
)  # fmt: skip
def test_an_interval_comes_with_the_slowest_layer(
    experiments: Sequence[Point], made: Resolver, slowest: dict[str, int | None], numbers: str
) -> None:
    (facts,) = facts_of(experiments[1:2], survey(experiments, made))
    faster = {"name": "B", "mw": 4, "mh": 4, "pe": 1, "simd": 1, "cycles_estimated": 16}
    layers = [faster, {"name": "A", **slowest}]
    facts.metrics["compile"]["simulated"] = {"layers": layers}  # type: ignore[index]
    assert column("ii_estimated").arithmetic_of(facts) == numbers


def test_layers_simulated_by_modules_of_ours_are_named(
    experiments: Sequence[Point], made: Resolver
) -> None:
    (facts,) = facts_of(experiments[1:2], survey(experiments, made))
    assert column("stand_ins").value_of(facts) is None
    facts.metrics["compile"]["layers_without_rtl"] = {"Pool_hls": 2}  # type: ignore[index]
    assert column("stand_ins").value_of(facts) == "2 Pool_hls"


def test_cores_of_matrices_are_named(experiments: Sequence[Point], made: Resolver) -> None:
    (facts,) = facts_of(experiments[1:2], survey(experiments, made))
    assert column("cores").value_of(facts) is None
    facts.metrics["compile"]["cores"] = {"lut": 1, "dsp": 3}  # type: ignore[index]
    assert column("cores").value_of(facts) == "3 dsp + 1 lut"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, None),
        ({"equal": 12, "different": {}, "not_compared": {}}, "12 of 12"),
        ({"equal": 2, "different": {"A": 7}, "not_compared": {"B": "why"}},
         "2 of 4; A differ; B not compared"),
    ],
)  # fmt: skip
def test_netlists_that_were_compared_are_counted(
    experiments: Sequence[Point], made: Resolver, found: object, said: str | None
) -> None:
    (facts,) = facts_of(experiments[1:2], survey(experiments, made))
    facts.metrics["map"] = {"netlist": found}  # type: ignore[index]
    assert column("netlist").value_of(facts) == said


def test_a_rate_at_another_clock_comes_with_that_of_the_build(
    experiments: Sequence[Point], made: Resolver
) -> None:
    (facts,) = facts_of(experiments[1:2], survey(experiments, made))
    on_board = {"measured_on": "board", "clock_mhz": 50.0, "fps_measured": 390625.0}
    facts.metrics["measure"].update(on_board, ii_measured=128)  # type: ignore[attr-defined]
    assert column("fps_measured").arithmetic_of(facts) == (
        "fps_measured = 390,625, at 50 MHz; at the 100 MHz of the build it would be "
        "100 x 1e6 / 128 cycles = 781,250 images/s"
    )


def test_the_page_of_the_documentation_is_up_to_date() -> None:
    tool = run_file(ROOT / "tools" / "columns.py")
    assert tool.PAGE.read_text() == tool.render(), "run `python tools/columns.py`"


def test_places_are_all_made_use_of() -> None:
    assert all(columns(place=place) for place in Place)
