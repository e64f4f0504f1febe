"""Foldings by layer name: FINN's names and the network's own, in a row and where it branches."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.errors import ConfigError
from bench.flows import Folding
from bench.flows.finn.foldings import Foldings
from contract.architecture import (
    CLASSES,
    Architecture,
    Conv2d,
    DepthwiseConv2d,
    Flatten,
    GlobalAveragePool,
    Linear,
    Residual,
)

FOLDINGS = Foldings()
BUILD = SimpleNamespace(clock_mhz=100.0)
BRANCH = (Conv2d(6, kernel=3, padding=1, stride=2), Conv2d(6, kernel=3, padding=1))
ENDS = (GlobalAveragePool(), Flatten(), Linear(CLASSES))
PROJECTED = Architecture(
    layers=(Conv2d(4, kernel=3), Residual(BRANCH, (Conv2d(6, kernel=1, stride=2),)), *ENDS)
).shapes((3, 12, 12), 4)
IN_A_ROW = Architecture(
    layers=(Conv2d(4, kernel=3), DepthwiseConv2d(kernel=3, padding=1), Conv2d(8, kernel=1), *ENDS)
).shapes((3, 12, 12), 4)
# 27 to 4; 36 to 6, 54 to 6, and beside them 4 to 6; 6 to 4
TABLE = ((2, 9), (3, 12), (2, 18), (6, 2), (2, 3))
OWN = ("conv1", "conv2", "conv3", "conv4", "fc1")


def entries(names: tuple[str, ...], table: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    pairs = zip(names, table, strict=True)
    return {name: {"PE": pe, "SIMD": simd} for name, (pe, simd) in pairs}


def named(entry: object, layers: Any) -> Folding:
    return FOLDINGS.named(Path("foldings.toml"), "mine", entry, layers)


def refusal(entry: object, layers: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        named(entry, layers)
    return f"{caught.value.what} {caught.value.remedy}"


def test_the_networks_own_names_are_the_places_of_its_declaration() -> None:
    by_name = dict(reversed(entries(OWN, TABLE).items()))
    assert named(by_name, PROJECTED) == named([list(pair) for pair in TABLE], PROJECTED)
    chosen = by_name | {"conv4": {"PE": 6, "SIMD": 2, "ram_style": "block"}}
    assert named(chosen, PROJECTED).fields["options"] == ((4, "ram_style", "block"),)


def test_of_a_fork_finns_names_are_left_to_the_compilation() -> None:
    names = tuple(f"MVAU_{number}" for number in range(5))
    in_hardware = (TABLE[0], TABLE[3], *TABLE[1:3], TABLE[4])
    found = named(entries(names, in_hardware), PROJECTED)
    assert found.fields["folding"] is None
    assert ("MVAU_1", "PE", 6) in found.fields["options"]
    # Only one order fits, so that what is slowest is known.
    slowest = FOLDINGS.bottleneck(found, PROJECTED, BUILD)
    same = FOLDINGS.bottleneck(named(entries(OWN, TABLE), PROJECTED), PROJECTED, BUILD)
    assert (slowest.cycles, slowest.layer) == (same.cycles, same.layer)
    assert (slowest.is_bound, same.is_bound) == (True, False)


def test_in_a_row_all_names_say_the_same() -> None:
    table = ((2, 9), (4, 2), (2, 4))
    own = entries(("conv1", "conv2", "fc1"), table) | {"depthwise1": {"PE": 2}}
    finns = entries(("MVAU_0", "MVAU_1", "MVAU_2"), table) | {"VVAU_hls_0": {"PE": 2}}
    old = entries(tuple(f"StreamingFCLayer_Batch_{n}" for n in range(3)), table)
    old |= {"Vector_Vector_Activate_Batch_0": {"PE": 2}}
    assert named(own, IN_A_ROW) == named(finns, IN_A_ROW) == named(old, IN_A_ROW)
    assert named(own, IN_A_ROW).fields["options"] == (("VVAU_0", "PE", 2),)


def test_of_a_residual_thresholds_are_left_to_the_compilation() -> None:
    shapes = Architecture(
        layers=(Conv2d(4, kernel=3), Residual((Conv2d(4, kernel=3, padding=1),)), *ENDS)
    ).shapes((3, 12, 12), 4)
    entry = entries(("conv1", "conv2", "fc1"), ((2, 9), (4, 2), (2, 2)))
    found = named(entry | {"Thresholding_3": {"PE": 4}}, shapes)
    assert found.fields["folding"] == ((2, 9), (4, 2), (2, 2))
    assert found.fields["options"] == (("Thresholding_3", "PE", 4),)


def test_other_layers_are_set_by_name() -> None:
    table = entries(("MVAU_0", "MVAU_1", "MVAU_2"), ((2, 9), (4, 2), (2, 4)))
    others = {
        "ConvolutionInputGenerator_rtl_0": {"SIMD": 3, "parallel_window": 1, "ram_style": "block"},
        "FMPadding_Batch_0": {"SIMD": 2},
        "AddStreams_Batch_0": {"PE": 2},
        "ConvolutionInputGenerator_rtl_1": {"ram_style": "distributed", "M": 1},
    }
    assert named(table | others, IN_A_ROW).fields["options"] == (
        ("ConvolutionInputGenerator_0", "SIMD", 3),
        ("ConvolutionInputGenerator_0", "parallel_window", 1),
        ("ConvolutionInputGenerator_0", "ram_style", "block"),
        ("ElementwiseAdd_0", "PE", 2),
        ("FMPadding_0", "SIMD", 2),
    )


def test_a_core_is_set_of_a_layer_or_of_all() -> None:
    table = ((2, 9), (4, 2), (2, 4))
    entry = entries(("MVAU_0", "MVAU_1", "MVAU_2"), table)
    entry["MVAU_0"]["core"], entry["MVAU_1"]["core"] = "dsp", "lut"
    assert named(entry, IN_A_ROW).fields["options"] == (("MVAU_1", "core", "lut"),)
    of_all = named(
        entries(("conv1", "conv2", "fc1"), table) | {"Defaults": {"core": ["lut", ["MVAU"]]}},
        IN_A_ROW,
    )
    assert set(of_all.fields["options"]) == {
        (f"MVAU_{number}", "core", "lut") for number in range(3)
    }
    pairs = [list(pair) for pair in table]
    by_pairs = named({"layers": pairs, "core": "lut"}, IN_A_ROW)
    assert by_pairs.fields["options"] == (("MVAU", "core", "lut"),)
    assert by_pairs.fields["folding"] == of_all.fields["folding"] == table
    assert named({"layers": pairs, "core": "dsp"}, IN_A_ROW) == named(pairs, IN_A_ROW)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"layers": [[2, 9]], "core": "luts"}, "core = 'luts'. Give 'dsp' or 'lut'."),
        ({"layers": [[2, 9]], "core": ["lut"]}, "Give 'dsp' or 'lut'."),
        ({"layers": [[2, 9]], "core": "lut", "infeasible": "why"}, "has the keys core, inf"),
        ({"layers": [[5, 9], [4, 2], [2, 4]], "core": "lut"}, "PE 5 does not divide"),
        ({"conv1": {"PE": 2, "SIMD": 9, "core": "hls"}}, "conv1.core = 'hls': give 'dsp' or 'lut'"),
        ({"conv1": {"PE": 2, "SIMD": 9, "core": "lut", "resType": "dsp"}},
         "conv1 has the core 'lut', which is of LUTs, and resType 'dsp': give one of them"),
        ({"depthwise1": {"PE": 2, "core": "lut"}}, "depthwise1.core is not of VVAU, but of MVAU ("),
    ],
)  # fmt: skip
def test_what_no_core_can_be_is_refused(entry: dict[str, Any], says: str) -> None:
    rest = entries(("conv1", "conv2", "fc1"), ((2, 9), (4, 2), (2, 4)))
    assert says in refusal(entry if "layers" in entry else rest | entry, IN_A_ROW)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"conv2": None}, ["conv2 without an entry", "conv2 (36 x 6)", "conv4 (4 x 6)"]),
        ({"conv5": {"PE": 1}}, ["conv5 is no layer of the network", "fc1 (6 x 4)"]),
        ({"conv2": {"PE": 4, "SIMD": 12}}, ["conv2: PE 4 does not divide its 6 outputs"]),
        ({"conv4": {"PE": 6, "SIMD": 4}}, ["conv4: SIMD 4 is all its inputs"]),
        ({"MVAU_4": {"PE": 1, "SIMD": 1}}, ["called as the network has them, some as FINN"]),
        ({"VVAU_0": {"PE": 1}}, ["VVAU_0 is no layer"]),
        ({"StreamingMaxPool_hls_0": {}}, ["a maximum is a ConvolutionInputGenerator and a Pool"]),
        ({"LabelSelect_Batch_0": {"PE": 1}}, ["the host takes the largest output"]),
        ({"ConvolutionInputGenerator_0": {"M": 2}}, ["_0.M = 2", "ports of one pixel"]),
        ({"ConvolutionInputGenerator_0": {"ram_style": "ultra"}}, ["not on every part"]),
        ({"ConvolutionInputGenerator_0": {"parallel_window": 2}}, ["give 0 or 1"]),
        (
            {"FMPadding_0": {"PE": 2}},
            ["PE is not of FMPadding", "(FMPadding has SIMD,"],
        ),
        ({"FMPadding_0": {"dynamic_mode": 1}}, ["dynamic_mode = 1: shapes are fixed here"]),
    ],
)
def test_what_cannot_be_is_refused_by_name(change: dict[str, Any], expected: list[str]) -> None:
    entry = {key: value for key, value in (entries(OWN, TABLE) | change).items() if value}
    entry |= {name: {} for name, value in change.items() if value == {}}
    message = refusal(entry, PROJECTED)
    for part in expected:
        assert part in message, message


def test_of_a_fork_a_folding_that_no_layer_can_have_is_refused() -> None:
    names = tuple(f"MVAU_{number}" for number in range(5))
    message = refusal(entries(names, (TABLE[0], (5, 1), *TABLE[2:])), PROJECTED)
    assert "MVAU_1: PE 5 does not divide its 6 outputs" in message
    message = refusal(entries(names[:4], TABLE[:4]), PROJECTED)
    assert "MVAU_4 without an entry" in message
    assert "MVAU_0 to MVAU_4, whose order only the compilation knows" in message


def test_a_depthwise_layer_takes_one_pixel_at_a_time() -> None:
    entry = entries(("conv1", "conv2", "fc1"), ((2, 9), (4, 2), (2, 4)))
    assert "depthwise1.SIMD = 3: several pixels" in refusal(
        entry | {"depthwise1": {"PE": 2, "SIMD": 3}}, IN_A_ROW
    )
    assert "depthwise1: PE 3 does not divide" in refusal(
        entry | {"depthwise1": {"PE": 3}}, IN_A_ROW
    )
