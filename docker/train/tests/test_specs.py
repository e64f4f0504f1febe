"""Values that cannot be trained or exported are refused, and the field is named."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import TRAIN_SPEC
from contract.stages.export import ExportSpec
from contract.stages.train import TrainSpec
from stagekit import StageError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weight_bits", 1),
        ("weight_bits", 33),
        ("weight_bits", False),
        ("weight_bits", [2, 2, 1, 2]),
        ("weight_bits", 2.5),
        ("act_bits", 1),
        ("seed", -1),
        ("epochs", 0),
        ("batch_size", 1),
        ("learning_rate", 0.0),
        ("gamma", 0.0),
        ("gamma", 1.5),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("image_size", 0),
        ("train_images", -1),
        ("milestones", [0]),
        ("milestones", [3]),
        ("milestones", [2, 1]),
        ("milestones", [1, 1]),
        ("epochs", "3"),
        ("learning_rate", "fast"),
        ("learning_rate", float("nan")),
        ("milestones", "12"),
        ("network", 5),
        ("seed", True),
    ],
)
def test_bad_value(field: str, value: Any) -> None:
    with pytest.raises(StageError, match=f"^{field} is ") as caught:
        TrainSpec(**(TRAIN_SPEC | {field: value}))
    assert caught.value.remedy.startswith(f"Give {field} as")


def test_what_milestones_there_can_be_is_said() -> None:
    for epochs, valid in ((3, "rising epochs from 1 to 2, or none"), (1, "none, of one epoch")):
        with pytest.raises(StageError) as caught:
            TrainSpec(**(TRAIN_SPEC | {"epochs": epochs, "milestones": [epochs]}))
        assert valid in caught.value.remedy


def test_widest_and_narrowest_bits_are_accepted() -> None:
    spec = TrainSpec(**(TRAIN_SPEC | {"weight_bits": 2, "act_bits": 32}))
    assert spec.bits_of_layers(4) == ((2, 2, 2, 2), (32, 32, 32))


def test_bits_of_each_layer_must_be_as_many_as_the_layers() -> None:
    spec = TrainSpec(**(TRAIN_SPEC | {"weight_bits": [8, 2, 2, 8], "act_bits": [4, 4]}))
    with pytest.raises(StageError, match=r"^act_bits is \[4, 4\]") as caught:
        spec.bits_of_layers(4)
    assert "a list of 3" in caught.value.remedy


def test_nothing_to_check_the_export_against() -> None:
    with pytest.raises(StageError, match="golden_images is 0"):
        ExportSpec(golden_images=0)
