"""Mapped figures beside Vivado's: ratios by kind, and the error bars that follow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scripts import run_file

from bench.flows.finn.calibration import (
    RESOURCES,
    Pair,
    bar_of,
    own_pairs,
    page,
    published_pairs,
    spreads,
)
from bench.flows.finn.calibration.pairs import pairs_of
from bench.grids.experiment import Point
from bench.paths import ROOT
from bench.report.cells import cell
from bench.results import Facts, column, columns, names
from bench.words import State, Status


def pair(kind: str, mapped: int, vivado: int, resource: str = "lut", layer: str = "l") -> Pair:
    return Pair(source="s", kind=kind, layer=layer, resource=resource, mapped=mapped, vivado=vivado)


PAIRS = (pair("FIFO", 80, 100), pair("FIFO", 100, 100), pair("DSP MVAU", 120, 100))


def layer(op_type: str, lut: int, **more: Any) -> dict[str, Any]:
    return {
        "name": f"{op_type}_0",
        "op_type": op_type,
        "lut": lut,
        "ff": 1,
        "bram18": 0,
        "dsp": 2,
    } | more


def design(*layers: dict[str, Any], fifos: int = 0) -> dict[str, Any]:
    return {
        "lut": sum(one["lut"] for one in layers) + fifos,
        "layers": layers,
        "fifos": [{"name": "s", "lut": fifos}] if fifos else [],
    }


def test_a_layer_that_stands_alike_in_two_files_counts_once(tmp_path: Path) -> None:
    columns = "kind,layer," + ",".join(f"{n}_mapped,{n}_vivado" for n in RESOURCES)
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(f"{columns}\nFIFO,f,1,2,3,4,0,0,0,0\n")
    second.write_text(f"{first.read_text()}FIFO,f,1,3,3,4,0,0,0,0\nFIFO,g,,,,,,,,\n")
    found = pairs_of([first, second])
    assert [(p.source, p.vivado) for p in found if p.resource == "lut"] == [("a", 2), ("b", 3)]
    assert len(found) == 2 * len(RESOURCES)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b"])
def test_a_name_that_is_no_file_name_is_refused_before_anything_is_mapped(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "environments" / "finn--0" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    tool = run_file(ROOT / "tools" / "calibrate.py")
    monkeypatch.setattr(tool, "environments_folder", lambda store: store / "environments")
    words = ["calibrate.py", "map", "s.csv", f"--name={name}", "--store", str(tmp_path)]
    monkeypatch.setattr("sys.argv", words)
    monkeypatch.setattr(tool.subprocess, "run", lambda *_, **__: pytest.fail("mapped"))
    assert tool.main() == 2
    assert "--name" in capsys.readouterr().err


def test_ratios_are_by_kind_and_resource() -> None:
    found = spreads([*PAIRS, pair("FIFO", 0, 0, "dsp")])
    fifo = found["FIFO", "lut"]
    assert (fifo.median, fifo.low, fifo.high, fifo.number, fifo.equal) == (0.9, 0.8, 1.0, 2, 1)
    assert found["FIFO", "dsp"].known  # none here, none there
    assert not spreads([pair("x", 1, 0)])["x", "lut"].known


def test_bounds_of_a_total_are_the_sums_of_its_layers_bounds() -> None:
    bar = bar_of(design(layer("MVAU_rtl", 600), fifos=80), "lut", spreads(PAIRS), {})
    assert bar is not None
    # 600 / 1.2 + 80 / 1.0, and 600 / 1.2 + 80 / 0.8.
    assert (bar.low, bar.high, bar.unknown) == (580, 600, 0)


def test_bounds_that_are_whole_numbers_are_exact() -> None:
    ratios = spreads([pair("DSP MVAU", 3, 1), pair("DSP MVAU", 1, 1)])
    bar = bar_of(design(*(layer("MVAU_rtl", lut) for lut in (3, 1, 1, 1))), "lut", ratios, {})
    assert bar is not None
    assert (bar.low, bar.high) == (2, 6)


def test_a_kind_without_figures_has_the_widest_bounds_and_is_counted() -> None:
    bar = bar_of(design(layer("Pool_hls", 120)), "lut", spreads(PAIRS), {})
    assert bar is not None
    assert (bar.low, bar.high, bar.unknown) == (100, 150, 120)


def test_a_core_of_luts_is_a_kind_of_its_own() -> None:
    bar = bar_of(design(layer("MVAU_rtl", 120)), "lut", spreads(PAIRS), {"MVAU_rtl_0": "lut"})
    assert bar is not None
    assert bar.unknown == 120


def test_what_was_not_mapped_has_no_bar() -> None:
    assert bar_of({"layers": [], "fifos": []}, "lut", spreads(PAIRS), {}) is None
    assert bar_of(design(layer("MVAU_rtl", 1)), "lut", {}, {}) is None


def test_layers_of_the_users_vivado_are_pairs_where_they_are_built_as_mapped() -> None:
    built = {"lut": 100, "ff": 1, "bram18": 0, "dsp": 2}
    metrics = {
        "map": design(layer("MVAU_rtl", 120), layer("Thresholding_rtl", 50)),
        "synthesize": {"layers_synth": {"MVAU_rtl_0": built, "Thresholding_hls_0": built}},
    }
    found = own_pairs([metrics, metrics])
    assert {(one.kind, one.resource) for one in found} == {("DSP MVAU", r) for r in RESOURCES}
    assert [(one.mapped, one.vivado) for one in found if one.resource == "lut"] == [(120, 100)]
    assert own_pairs([{"map": {"layers": [{"name": "a", "op_type": "b"}]}}]) == ()


def test_published_figures_are_there_for_every_kind_that_is_promised() -> None:
    found = spreads(published_pairs())
    for kind in ("DSP MVAU", "threshold", "generator", "padding", "FIFO", "width converter"):
        assert found[kind, "lut"].number >= 3, kind
        assert 0.5 < found[kind, "lut"].median < 2, kind


@pytest.mark.parametrize(
    ("pairs", "text", "reached"),
    [
        ([pair("k", 95, 100), pair("k", 110, 100)], "1.02 (0.95 to 1.10)", True),
        ([pair("k", 126, 100), pair("k", 100, 100), pair("k", 1, 1)], "1.00 (1.00 to 1.26)", False),
        ([pair("k", 112, 100), pair("k", 113, 100)], "1.12 (1.12 to 1.13)", False),
        ([pair("k", 0, 0)], "-", None),
    ],
)
def test_goals_are_judged_by_median_and_by_each_layer(
    pairs: list[Pair], text: str, reached: bool | None
) -> None:
    found = page.reached(pairs, "lut")
    assert (found.text, found.reached) == (text, reached)


def test_block_ram_and_dsps_have_to_be_equal() -> None:
    pairs = [pair("k", 2, 2, "dsp"), pair("k", 3, 4, "dsp")]
    assert page.reached(pairs, "dsp") == page.Reached("1 of 2 equal", False)
    assert page.reached(pairs[:1], "dsp") == page.Reached("1 of 1 equal", True)


def test_the_page_is_up_to_date() -> None:
    tool = run_file(ROOT / "tools" / "calibrate.py")
    assert tool.PAGE.read_text() == tool.render(), "run `python tools/calibrate.py page`"


def test_columns_have_the_bounds_and_tables_show_them_as_percentages() -> None:
    lut, dsp = column("lut_mapped"), column("dsp_mapped")
    assert lut.bounds == ("lut_mapped_low", "lut_mapped_high")
    row: dict[str, Any] = dict.fromkeys(names(columns()))
    row |= {"lut_mapped": 1000, "lut_mapped_low": 910, "lut_mapped_high": 1120}
    row |= {"dsp_mapped": 12, "dsp_mapped_low": 12, "dsp_mapped_high": 12}
    assert cell(lut, row) == "1,000 -9/+12%"
    assert cell(dsp, row) == "12"  # exact
    assert cell(lut, row | {"lut_mapped_low": None}) == "1,000"


def test_a_vivado_run_of_the_grid_widens_the_bars_of_all_its_rows() -> None:
    mapped = design(layer("MVAU_rtl", 1000))
    point = Point.__new__(Point)
    state = State(status=Status.DONE)
    facts = Facts(point=point, metrics={"map": mapped}, state=state, stages={})
    low = column("lut_mapped_low").value_of(facts)
    built = {"map": mapped, "synthesize": {"layers_synth": {"MVAU_rtl_0": layer("", 250)}}}
    assert column("lut_mapped_low").value_of(replace(facts, built=[built])) == 250
    assert low is not None
    assert 250 < low < 1000
