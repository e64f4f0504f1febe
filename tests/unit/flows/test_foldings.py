"""Foldings: what FINN's own files may say, and layers that lose results."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.errors import ConfigError
from bench.flows import Folding
from bench.flows.finn.foldings import Foldings, checked
from bench.networks import NETWORKS
from contract.architecture import LayerShape

FOLDINGS = Foldings()
LAYERS = NETWORKS["TFC"].architecture.shapes((1, 32, 32), 10)
LIST = [[2, 8], [1, 1], [1, 1], [5, 1]]
FINN = {f"MVAU_hls_{nth}": {"PE": pe, "SIMD": simd} for nth, (pe, simd) in enumerate(LIST)}
BUILD = SimpleNamespace(clock_mhz=100.0)
BY_NAME = tuple(
    (f"MVAU_{nth}", key, value) for nth, pair in enumerate(LIST)
    for key, value in zip(("PE", "SIMD"), pair, strict=True)
)  # fmt: skip
LOW = ((2, 8), (1, 1), (1, 1), (5, 1))


NO_GOAL = {"goal": None, "share": None, "cores": None}


def folding(name: str, table: object, options: object = ()) -> Folding:
    return Folding(
        name=name, fields={"folding": table, "target_fps": None, "options": options} | NO_GOAL
    )


def read(folder: Path, content: object) -> Folding:
    """The folding in a file; `content` is its text, or what is written as JSON."""
    path = folder / "Mine.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return FOLDINGS.from_file(path, LAYERS)


def refusal(folder: Path, content: object) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, content)
    return f"{caught.value.what} {caught.value.remedy}"


def changed(layer: str, **settings: Any) -> dict[str, Any]:
    """FINN's file with other settings of one layer."""
    return FINN | {layer: FINN.get(layer, {}) | settings}


@pytest.mark.parametrize(
    "content",
    [
        LIST,
        FINN,
        dict(reversed(FINN.items())),
        FINN | {"Defaults": {}},
        {name.replace("_hls", ""): entry for name, entry in FINN.items()},
        {name.replace("MVAU_hls", "MatrixVectorActivation"): e for name, e in FINN.items()},
        # What is built anyway
        changed("MVAU_hls_0", mem_mode="internal_decoupled", runtime_writeable_weights=0),
        changed("MVAU_hls_1", ram_style="auto", pumpedMemory=0, ram_style_thresholds="auto", TH=1),
        changed("Thresholding_rtl_0", PE=2, depth_trigger_uram=0, depth_trigger_bram=0),
        FINN | {"Defaults": {"mem_mode": ["internal_decoupled", ["MVAU_hls", "MVAU_rtl"]]}},
        FINN | {"Defaults": {"runtime_writeable_weights": [0, "all"]}},
        {name: {"PE": e["PE"]} for name, e in FINN.items()}
        | {"Defaults": {"SIMD": [1, ["MVAU"]]}, "MVAU_hls_0": {"PE": 2, "SIMD": 8}},
    ],
)
def test_ways_to_write_the_same_folding(tmp_path: Path, content: object) -> None:
    assert read(tmp_path, content) == folding("mine", LOW)


def test_what_else_of_a_layer_is_honoured(tmp_path: Path) -> None:
    content = changed("MVAU_hls_1", ram_style="block", resType="dsp")
    content |= {"Thresholding_0": {"PE": 4}, "Defaults": {"resType": ["lut", ["MVAU_hls"]]}}
    found = read(tmp_path, content)
    assert found.fields["folding"] == LOW
    assert found.fields["options"] == (
        ("MVAU_0", "resType", "lut"),
        ("MVAU_1", "ram_style", "block"),
        ("MVAU_1", "resType", "dsp"),
        ("MVAU_2", "resType", "lut"),
        ("MVAU_3", "resType", "lut"),
        ("Thresholding_0", "PE", 4),
    )


def test_depths_of_fifos_are_those_of_a_layers_streams(tmp_path: Path) -> None:
    found = read(tmp_path, changed("MVAU_hls_1", inFIFODepths=[16], outFIFODepths=[2]))
    assert found.fields["options"] == (
        ("MVAU_1", "inFIFODepths", (16,)),
        ("MVAU_1", "outFIFODepths", (2,)),
    )


def without(*names: str, **others: Any) -> dict[str, Any]:
    return {name: entry for name, entry in FINN.items() if name not in names} | others


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (without("MVAU_hls_3", MVAU_hls_4={}), ["MVAU_hls_4 is no layer", "MVAU_3 without an"]),
        (without("MVAU_hls_3", MVAU_hls_10={}), ["MVAU_hls_10 is no layer", "(64 x 10)"]),
        (without("MVAU_hls_1", MVAU_hls_01={}), ["MVAU_hls_01 is no layer", "MVAU_1 without"]),
        (without("MVAU_hls_2"), ["MVAU_2 without an entry"]),
        (FINN | {"MVAU_rtl_1": {}}, ["MVAU_hls_1 and MVAU_rtl_1 are one layer"]),
        (without("MVAU_hls_1", MVAU_rtl_1={}), ["MVAU_hls and MVAU_rtl", "order is not known"]),
        (FINN | {"Pool_hls_0": {"PE": 2}}, ["Pool_hls_0 is no layer of the network"]),
        (FINN | {"Thresholding_3": {}}, ["Thresholding_3 is no layer", "Thresholding_2."]),
        (FINN | {"StreamingFIFO_rtl_0": {}}, ["StreamingFIFO_rtl_0 cannot be set", "inFIFODepths"]),
        (FINN | {"StreamingDataWidthConverter_rtl_0": {}}, ["width converters follow from PE"]),
        (FINN | {"LabelSelect_hls_0": {}}, ["the host takes the largest output"]),
        (FINN | {"nonsense": 5}, ["nonsense is no layer"]),
        (FINN | {"MVAU_hls_0": 5}, ["MVAU_hls_0 is no object of settings"]),
        ({"Thresholding_0": {"PE": 1}}, ["MVAU_0, MVAU_1, MVAU_2, MVAU_3 without an entry"]),
        (without("MVAU_hls_0", MVAU_hls_0={"PE": 2}), ["MVAU_hls_0 has no SIMD"]),
        (changed("MVAU_hls_0", PE=0), ["MVAU_hls_0.PE = 0: give a whole number from 1 up"]),
        (changed("MVAU_hls_0", PE="2"), ["MVAU_hls_0.PE = '2': give"]),
        (changed("MVAU_hls_0", ram_stile="block"), ["ram_stile is not known", "'ram_style'"]),
        (changed("MVAU_hls_0", ram_style="ultra"), ["ram_style = 'ultra'", "'distributed'"]),
        (changed("MVAU_hls_0", resType="fpga"), ["resType = 'fpga'", "'lut'"]),
        (changed("MVAU_hls_0", mem_mode="external"), ["mem_mode = 'external'", "beside the layer"]),
        (changed("MVAU_hls_0", runtime_writeable_weights=1), ["weights = 1", "are fixed here"]),
        (changed("MVAU_hls_0", runtime_writeable_weights=False), ["weights = false"]),
        (changed("MVAU_hls_0", PE=None), ["MVAU_hls_0.PE = null"]),
        (changed("MVAU_hls_0", inFIFODepths=2), ["inFIFODepths = 2", "a list of whole numbers"]),
        (changed("MVAU_hls_0", outFIFODepths=[1]), ["outFIFODepths = [1]", "from 2 up"]),
        (changed("MVAU_hls_0", pumpedCompute=1), ["pumpedCompute = 1", "one clock"]),
        (changed("MVAU_hls_0", x=1, PE=[]), ["MVAU_hls_0.x is not known"]),
        (changed("Thresholding_0", ram_style="block"), ["Thresholding_0.ram_style = 'block'"]),
        (changed("Thresholding_0", depth_trigger_uram=1), ["synthesis chooses this memory"]),
        (changed("Thresholding_0", PE=5), ["Thresholding_0: PE 5", "1, 2, 4, 8, 16, 32, 64"]),
        (changed("Thresholding_0", PE="4"), ["Thresholding_0.PE = '4'", "whole number"]),
        (FINN | {"Defaults": {"ram_style": "block"}}, ["Defaults.ram_style is no list [value,"]),
        (FINN | {"Defaults": {"ram_style": ["block", ["FIFO"]]}}, ["is for 'FIFO', no kind"]),
        (FINN | {"Defaults": {"x": [1, "all"]}}, ["Defaults.x is not known of MVAU"]),
        (FINN | {"Defaults": {"SIMD": [8, ["Thresholding"]]}}, ["SIMD is not of Thresholding"]),
        (changed("MVAU_hls_0", dynamic_mode=0),
         ["MVAU_hls_0.dynamic_mode is not of MVAU, but of ConvolutionInputGenerator, FMPadding ("]),
        (changed("Thresholding_0", mem_mode="internal_decoupled"), ["memory to synthesis"]),
        (FINN | {"Defaults": {"ram_style": ["block", ["all"]]}}, ["Defaults.ram_style = 'block'"]),
        (FINN | {"Defaults": {"ram_style": ["ultra", ["MVAU"]]}}, ["Defaults.ram_style = 'ultra'"]),
        (FINN | {"": {"PE": 1}}, [": '' is no layer of the network"]),
        (FINN | {"Defaults": {"ram_style": ["block", 5]}}, ["is for 5, no kind"]),
        (FINN | {"Defaults": {"ram_style": ["block", [["MVAU"]]]}}, ["is for ['MVAU'], no kind"]),
        (FINN | {"Defaults": {"resType": ["lut", ["MVAU_hls"], "dsp", ["MVAU_rtl"]]}},
         ["Defaults.resType gives MVAU two values"]),
        (FINN | {"Defaults": 3}, ["Defaults is no object"]),
        ('{"MVAU_0": {"PE": 1, "PE": 2}}', ["the key 'PE' is given twice"]),
        ("[[2, 8]", ["not valid JSON"]),
        ([[2, 8]], ["has 1 layer, the network has 4"]),
        ([*LIST[:3], [4, 1]], ["layer 4: PE 4 does not divide its 10 outputs", "1, 2, 5, 10"]),
        (5, ["not a list of [PE, SIMD] pairs"]),
    ],
)  # fmt: skip
def test_what_a_file_cannot_say_is_refused_by_name(
    tmp_path: Path, content: object, expected: list[str]
) -> None:
    message = refusal(tmp_path, content)
    for part in expected:
        assert part in message, message


def test_all_that_is_wrong_with_a_file_is_said_at_once(tmp_path: Path) -> None:
    content = changed("MVAU_hls_0", inFIFODepths=[]) | {"Thresholding_0": {"mem_mode": "x"}}
    message = refusal(tmp_path, content)
    assert "MVAU_hls_0.inFIFODepths" in message
    assert "Thresholding_0.mem_mode" in message


def test_a_default_that_cannot_be_is_named_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, FINN | {"Defaults": {"ram_style": ["ultra", ["all"]]}})
    assert message.count("Defaults.ram_style") == 2  # of the MVAUs, and of Thresholdings
    assert "Thresholding_0" not in message


def test_thresholds_that_hold_up_the_layers_are_the_slowest(tmp_path: Path) -> None:
    layers = [LayerShape(4, 4, pixels=100), LayerShape(400, 4)]
    content = {"MVAU_0": {"PE": 4, "SIMD": 2}, "MVAU_1": {"PE": 4, "SIMD": 2}}
    for pe, says, cycles in ((1, "1: thresholds", 400), (2, "1: 4 to 4, PE 4, SIMD 2", 200)):
        named = FOLDINGS.named(tmp_path, "x", content | {"Thresholding_0": {"PE": pe}}, layers)
        slowest = FOLDINGS.bottleneck(named, layers, BUILD)
        assert (slowest.cycles, slowest.layer.partition(";")[0]) == (cycles, says)


def test_layers_by_name_in_a_table_of_the_grid(tmp_path: Path) -> None:
    named = FOLDINGS.named(tmp_path, "mine", FINN | {"Thresholding_0": {"PE": 4}}, LAYERS)
    assert named == folding("mine", LOW, options=(("Thresholding_0", "PE", 4),))
    with pytest.raises(ConfigError, match="has the keys layer"):
        FOLDINGS.named(tmp_path, "mine", {"layer": LIST}, LAYERS)


@pytest.mark.parametrize(
    ("shape", "pair", "says"),
    [
        ((64, 64), [16, 64], "Write [32, 32], which is as fast."),
        ((64, 64), [64, 64], "Write [64, 32], the nearest: 2 cycles per image instead of 1."),
        ((2, 8), [4, 2], "Write [8, 1], which is as fast."),
        ((3, 6), [2, 3], "Write [6, 1], which is as fast."),
        ((3, 8), [2, 3], "Write [8, 1], the nearest: 3 cycles per image instead of 4."),
        ((49, 64), [8, 49], "Write [64, 7], the nearest: 7 cycles per image instead of 8."),
        ((49, 64), [16, 49], "Write [64, 7], the nearest: 7 cycles per image instead of 4."),
        ((7, 5), [5, 7], "Write [5, 1], the nearest: 7 cycles per image instead of 1."),
        ((1, 64), [1, 1], "Use images of at least 2x2 pixels."),
        ((1, 64), [1, 2], "Use images of at least 2x2 pixels."),
    ],
)
def test_all_inputs_at_once_are_refused_with_what_is_right(
    shape: tuple[int, int], pair: list[int], says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        checked("mine", [pair], [LayerShape(*shape)])
    assert "loses results" in caught.value.what
    assert caught.value.remedy == says


def test_a_folding_that_loses_results_may_be_kept_as_infeasible(tmp_path: Path) -> None:
    entry = {"layers": [[1, 4]], "infeasible": "loses results"}
    layers = [LayerShape(4, 2)]
    assert FOLDINGS.named(tmp_path, "all", entry, layers).fields["folding"] == ((1, 4),)


def test_depthwise_layers_are_folded_as_their_neighbours_are(tmp_path: Path) -> None:
    layers = [LayerShape(9, 4, 64, 3), LayerShape(9, 4, 36, 3, depthwise=True), LayerShape(4, 8)]
    entry = [[2, 3], [4, 2]]
    assert FOLDINGS.named(tmp_path, "two", entry, layers).fields["folding"] == ((2, 3), (4, 2))


@pytest.mark.parametrize("entry", [LIST, {"layers": LIST, "infeasible": "too fast"}])
def test_of_layers_that_are_not_known_what_is_written_is_taken(
    tmp_path: Path, entry: object
) -> None:
    assert FOLDINGS.named(tmp_path, "mine", entry, None).fields["folding"] == LOW


def test_of_layers_that_are_not_known_names_are_left_to_the_compilation(tmp_path: Path) -> None:
    entry = FINN | {"LabelSelect_0": {"PE": 2}, "Defaults": {"SIMD": [4, ["FMPadding"]]}}
    named = FOLDINGS.named(tmp_path, "mine", entry, None)
    assert named == folding(
        "mine", None, options=(("FMPadding", "SIMD", 4), ("LabelSelect_0", "PE", 2), *BY_NAME)
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([], "not a list of [PE, SIMD] pairs"),
        ([[2, 8], [0, 1]], "layer 2: PE is 0"),
        (without("MVAU_hls_1"), "MVAU_1 without an entry"),
        ({"MVAU_99999999999": {"PE": 1, "SIMD": 1}}, "MVAU_99999999999 is no layer"),
        (changed("MVAU_hls_0", ram_style="ultra"), "ram_style = 'ultra'"),
        (FINN | {"conv1": {"PE": 1, "SIMD": 1}}, "conv1 is no layer"),
    ],
)
def test_of_layers_that_are_not_known_the_syntax_is_checked(
    tmp_path: Path, content: object, expected: str
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError) as caught:
        FOLDINGS.from_file(path, None)
    assert expected in caught.value.what
    if "is no layer" in expected:
        assert "of your own have FINN's names, such as MVAU_0" in caught.value.remedy


def test_how_fast_layers_are_that_are_not_known() -> None:
    build = SimpleNamespace(clock_mhz=100.0)
    known = FOLDINGS.bottleneck(folding("low", LOW), None, build)
    assert known.cycles is None
    assert "inspected" in known.layer
    searched = FOLDINGS.bottleneck(FOLDINGS.for_throughput(1000.0), None, build)
    assert (searched.cycles, searched.is_bound) == (100_000, True)
