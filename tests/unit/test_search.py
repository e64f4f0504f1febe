"""The command `bench search`, with a runner that finds what it is told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from searches import Searcher, design, metrics, target

from bench.cli import main
from bench.console.terminal import Terminal
from bench.errors import Exit
from bench.flows.finn import searched
from bench.pipeline import Resolver
from bench.session import runners
from bench.store import Store

ENVIRONMENTS = ("host", "train", "finn", "vivado")


@pytest.fixture
def searcher(store: Store, monkeypatch: pytest.MonkeyPatch) -> Searcher:
    runner = Searcher()
    resolver = Resolver(store, dict.fromkeys(ENVIRONMENTS, runner))
    monkeypatch.setattr(runners, "open_resolver", lambda *arguments: resolver)
    return runner


def search(store: Store, *arguments: str) -> int:
    return main(["search", *arguments, "--store", str(store.root), "--runner", "venv"])


def test_the_fastest_is_looked_for_unless_something_else_is_said(
    store: Store, searcher: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search(store, "TFC", "--bits", "2,2") == Exit.OK
    (spec,) = searcher.specs
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
    assert searcher.ran == ["draft tfc-mnist-w2a2", "search tfc-mnist-w2a2"]


def test_what_is_wanted_reaches_the_search(store: Store, searcher: Searcher) -> None:
    asked = ("--goal", "smallest:64", "--share", "0.5", "--cores", "lut,pumped")
    assert search(store, "TFC", *asked, "--front", "--compare", "--board", "ZCU104") == Exit.OK
    (spec,) = searcher.specs
    assert spec["goals"] == ["smallest:64"]
    assert (spec["share"], spec["cores"]) == (0.5, ["lut", "pumped"])
    assert spec["front"] is spec["compared"] is True
    assert spec["targets"] == [["ZCU104", "xczu7ev-ffvc1156-2-e"]]


def test_a_grid_says_what_it_looks_for(
    store: Store, searcher: Searcher, grid_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = grid_file.read_text().replace('"low", "max"]', '"low", "balanced"]\nshare = 0.7')
    grid_file.write_text(text)
    assert search(store, str(grid_file), "--json") == Exit.OK
    assert {tuple(spec["goals"]) for spec in searcher.specs} == {("balanced",)}
    assert {spec["share"] for spec in searcher.specs} == {0.7}
    told = json.loads(capsys.readouterr().out)
    assert all(network["targets"][0]["designs"] for network in told["networks"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--goal", "quick"), "--goal 'quick' is no goal"),
        (("--goal", "smallest"), "gives no interval"),
        (("--cores", "dsp,asic"), "--cores names 'asic', which is no core"),
        (("--cores", "dsp,dsp"), "--cores names one twice"),
        (("--share", "0"), "0"),
        (("--share", "1.2"), "1.2"),
        (("--board", "Pynq-Z9"), "Pynq-Z9"),
        (("--bits", "9,9"), "bits"),
    ],
)
def test_bad_input_is_named_before_anything_runs(
    store: Store,
    searcher: Searcher,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    expected: str,
) -> None:
    assert search(store, "TFC", *arguments) == Exit.CONFIG
    assert expected in capsys.readouterr().err
    assert searcher.ran == []


def shown(*found: dict[str, object], capsys: pytest.CaptureFixture[str]) -> str:
    titled = [(f"network {number}", each) for number, each in enumerate(found)]
    searched.show(titled, Terminal(width=200))
    return capsys.readouterr().out


def test_nothing_that_fits_is_said_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"goal": "smallest:8", "reason": "No design fits 85% of it: 9 of 8 LUT."}
    text = shown(metrics(target(nothing, design())), capsys=capsys)
    assert "nothing fits" in text
    assert "network 0, Pynq-Z1, smallest:8: No design fits 85% of it: 9 of 8 LUT." in text
    assert "1,562,500" in text, "the other one is shown"


def test_a_layer_that_no_folding_makes_faster_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    floor = design(faster={"interval": None, "binds": ["ConvolutionInputGenerator_0"]})
    text = shown(metrics(target(floor)), capsys=capsys)
    assert "No folding is faster: ConvolutionInputGenerator_0." in text
    assert "foldings" in text


def test_front_and_finns_search_are_tables(capsys: pytest.CaptureFixture[str]) -> None:
    slower = design(interval=4096, size=0.2)
    wide = design(interval=64, size=1.8, asked=64)
    lost = {"asked": 64, "reason": "it cannot be"}
    for by_finn, said in ((wide, "NO"), (lost, "cannot be")):
        compared = {"designs": [by_finn], "fastest": None}
        found = target(front=[design(), slower], compared=compared)
        text = shown(metrics(found), capsys=capsys)
        assert "24,414" in text
        assert "SetFolding for 64 cycles" in text
        assert said in text
        assert "none" in text
