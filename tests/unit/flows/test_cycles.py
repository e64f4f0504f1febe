"""What sets the interval of a folding, before anything runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.flows.finn.foldings import Foldings
from bench.networks import NETWORKS
from contract.architecture import CLASSES, Architecture, Conv2d, DepthwiseConv2d, Flatten, Linear
from contract.finn.cycles import cycles_per_image, refusal
from contract.finn.windows import converter

FOLDINGS = Foldings()
BUILD = SimpleNamespace(clock_mhz=100.0)
CONV = Conv2d(4, kernel=3, padding=1)
DEPTHWISE = Architecture(
    layers=(CONV, DepthwiseConv2d(kernel=3, padding=1), Flatten(), Linear(CLASSES))
)


def slowest(architecture: Architecture, image: tuple[int, int, int], table: Any) -> Any:
    shapes = architecture.shapes(image, 10)
    folding = FOLDINGS.named(Path("foldings.toml"), "mine", table, shapes)
    return FOLDINGS.bottleneck(folding, shapes, BUILD)


def test_the_windows_of_lenet5_set_its_interval() -> None:
    table = [[6, 1], [4, 6], [1, 4], [1, 1], [1, 1]]
    found = slowest(NETWORKS["LeNet5"].architecture, (1, 32, 32), table)
    assert (found.cycles, found.layer) == (19733, "conv1: windows of 5x5 pixels")
    assert found.shares[0] == 1


@pytest.mark.parametrize(
    ("architecture", "table", "expected"),
    [
        # 18 x 18 pixels with a border; the windows take 3 x 18 + 16 x 16 x 9 = 2,343 and more
        (DEPTHWISE, [[4, 9], [10, 512]], (39 + 16 * 16 * 9, "conv1: windows of 3x3 pixels")),
        (DEPTHWISE, [[1, 1], [10, 512]], (16 * 16 * 27 * 4, "conv1: 27 to 4, PE 1, SIMD 1")),
        (Architecture(layers=(Flatten(), Linear(6), Linear(CLASSES)), flat=True),
         [[2, 384], [10, 3]], (6, "fc1: 768 to 6, PE 2, SIMD 384")),
    ],
)  # fmt: skip
def test_the_slowest_part_is_named(
    architecture: Architecture, table: Any, expected: tuple[int, str]
) -> None:
    found = slowest(architecture, (3, 16, 16), table)
    assert (found.cycles, found.layer.partition(";")[0]) == expected


def test_a_converter_between_two_layers_counts() -> None:
    architecture = Architecture(layers=(Linear(60), Linear(CLASSES)), flat=True)
    found = slowest(architecture, (1, 4, 4), [[20, 8], [10, 12]])
    # 20 to 12 values: 3 beats in and 5 out, one of them at once
    assert (found.cycles, found.layer) == (7, "fc2: width converter before it")


@pytest.mark.parametrize(
    ("widths", "cycles"), [((2, 4), 0), ((4, 2), 0), ((6, 4), 8), ((4, 6), 8), ((3, 4), 12)]
)
def test_converters_of_widths_that_divide_keep_pace(widths: tuple[int, int], cycles: int) -> None:
    assert converter(24, *widths) == {0: 0, 8: 8, 12: 12}[cycles]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ({"folding": [[6, 1], [4, 6], [1, 4], [1, 1], [1, 1]]}, 19733),
        ({"folding": [[1, 1], [4, 6], [1, 4], [1, 1], [1, 1]]}, 28 * 28 * 25 * 6),
        ({"folding": [[5, 1], [4, 6], [1, 4], [1, 1], [1, 1]]}, 0),
        # No search gets below the windows.
        ({"target_fps": 1e6}, 19733),
        ({"target_fps": 1000.0}, 100_000),
    ],
)
def test_forecasts_count_cycles_of_windows(build: dict[str, Any], expected: int) -> None:
    architecture = NETWORKS["LeNet5"].architecture.to_json()
    specs = {
        "dataset": {"shape": [1, 32, 32], "classes": 10},
        "train": {"architecture": architecture, "image_size": 32},
        "compile": {
            "folding": None,
            "target_fps": None,
            "goal": None,
            "options": [],
            "clock_mhz": 100.0,
        }
        | build,
    }
    assert cycles_per_image(specs) == expected
    assert (refusal(specs) is None) == (expected > 0)
