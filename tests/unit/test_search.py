"""The command `bench search`, with a runner that finds what it is told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from searches import MODEL, Searcher, design, metrics, target

from bench.cli import main
from bench.console.terminal import Terminal
from bench.errors import Exit
from bench.flows.finn import searched


@pytest.fixture
def runner() -> Searcher:
    return Searcher()


def test_the_fastest_is_looked_for_unless_something_else_is_said(
    as_command: list[str], runner: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "TFC", "--bits", "2,2", *as_command]) == Exit.OK
    (spec,) = runner.specs
    wanted = {name: spec[name] for name in ("goals", "share", "cores", "front", "compared")}
    assert wanted == {
        "goals": ["fastest"], "share": 0.85, "cores": ["dsp", "lut"], "front": False,
        "compared": False,
    }  # fmt: skip
    output = capsys.readouterr().out
    assert "TFC w2a2 on MNIST" in output
    assert "30,000" in output
    assert "127% of the LUT" in output
    assert "128 cycles per image" in output
    assert "PE 16, SIMD 64, core lut" in output
    assert "as thresholds depend on it (lut_model in results.csv), and maps what it found" in (
        " ".join(output.split())
    )
    assert runner.ran == ["draft tfc-mnist-w2a2", "search tfc-mnist-w2a2"]


def test_what_is_wanted_reaches_the_search(as_command: list[str], runner: Searcher) -> None:
    asked = (
        "--goal", "smallest:64", "--share", "0.5", "--cores", "dsp,pumped", "--front", "--compare",
        "--board", "ZCU104",
    )  # fmt: skip
    assert main(["search", "TFC", *asked, *as_command]) == Exit.OK
    (spec,) = runner.specs
    assert spec["goals"] == ["smallest:64"]
    assert (spec["share"], spec["cores"]) == (0.5, ["dsp", "pumped"])
    assert spec["front"] is spec["compared"] is True
    assert spec["targets"] == [["ZCU104", "xczu7ev-ffvc1156-2-e"]]


def test_a_grid_says_what_it_looks_for(
    as_command: list[str], runner: Searcher, grid_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = grid_file.read_text().replace('"low", "max"]', '"low", "balanced"]\nshare = 0.7')
    grid_file.write_text(text)
    assert main(["search", str(grid_file), "--json", *as_command]) == Exit.OK
    assert {tuple(spec["goals"]) for spec in runner.specs} == {("balanced",)}
    assert {spec["share"] for spec in runner.specs} == {0.7}
    told = json.loads(capsys.readouterr().out)
    assert all(network["targets"][0]["designs"] for network in told["networks"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--goal", "quick"), "--goal 'quick' is no goal"),
        (("--goal", "Fastest"), "Did you mean 'fastest'?"),
        (("--goal", "fastest", "--goal", "fastest"), "--goal names fastest twice"),
        (("--goal", "smallest"), "gives no interval"),
        (("--cores", "dsp,asic"), "--cores names 'asic', which is no core"),
        (("--cores", "dsp,dsp"), "--cores names dsp twice"),
        (("--cores", "lut", "--compare"), "--compare needs the core dsp"),
        (("--share", "0"), "0"),
        (("--share", "1.2"), "1.2"),
        (("--board", "Pynq-Z9"), "Pynq-Z9"),
        (("--bits", "9,9"), "bits"),
    ],
)
def test_bad_input_is_named_before_anything_runs(
    as_command: list[str],
    runner: Searcher,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    expected: str,
) -> None:
    assert main(["search", "TFC", *arguments, *as_command]) == Exit.CONFIG
    assert expected in capsys.readouterr().err
    assert runner.ran == []


def shown(*found: dict[str, object], capsys: pytest.CaptureFixture[str]) -> str:
    titled = [(f"network {number}", each) for number, each in enumerate(found)]
    searched.show(titled, Terminal(width=200))
    return capsys.readouterr().out


def test_nothing_that_fits_is_said_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"goal": "smallest:8", "reason": "No design fits 85% of it: 9 of 8 LUT."}
    text = shown(metrics(target(nothing, design())), capsys=capsys)
    assert "no design" in text
    assert "network 0, Pynq-Z1, smallest:8: No design fits 85% of it: 9 of 8 LUT." in text
    assert "1,562,500" in text, "the other one is shown"


def test_a_layer_that_no_folding_makes_faster_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    floor = design(faster={"interval": None, "binds": ["ConvolutionInputGenerator_0"]})
    text = shown(metrics(target(floor)), capsys=capsys)
    assert "No folding is faster: none takes fewer cycles for ConvolutionInputGenerator_0." in text
    assert "foldings" in text


def test_front_and_finns_search_are_tables(capsys: pytest.CaptureFixture[str]) -> None:
    slower = design(interval=4096, size=0.2)
    wide = design(interval=64, size=1.8, asked=64, model={**MODEL, "dsp": 400})
    lost = {"asked": 64, "reason": "it cannot be"}
    for by_finn, said in ((wide, "NO"), (lost, "cannot be")):
        compared = {"designs": [by_finn], "fastest": None}
        found = target(front=[design(), slower], compared=compared)
        text = shown(metrics(found), capsys=capsys)
        assert "24,414" in text
        assert "SetFolding for 64 cycles" in text
        assert said in text
        assert "none" in text
        would = "SetFolding for 64 cycles would fit KV260_SOM and 5 more boards."
        assert (would in text) is (by_finn is wide)
