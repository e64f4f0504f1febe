"""Values that cannot be trained or exported are refused, and the field is named."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import TRAIN_SPEC
from contract.fields import Misfit, parse
from contract.stages.export import ExportSpec
from contract.stages.train import TrainSpec


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weight_bits", -1),
        ("weight_bits", 33),
        ("weight_bits", False),
        ("weight_bits", [2, 2, -1, 2]),
        ("weight_bits", 2.5),
        ("act_bits", -1),
        ("seed", -1),
        ("epochs", 0),
        ("batch_size", 1),
        ("learning_rate", 0.0),
        ("gamma", 0.0),
        ("gamma", 1.5),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("image_size", -1),
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
    with pytest.raises(Misfit, match=f"^{field} ") as caught:
        parse(TrainSpec, (TRAIN_SPEC | {field: value}))
    assert caught.value.remedy.startswith("Give ")


def test_what_milestones_there_can_be_is_said() -> None:
    for epochs, valid in ((3, "rising epochs from 1 to 2, or none"), (1, "none: []")):
        with pytest.raises(Misfit) as caught:
            parse(TrainSpec, (TRAIN_SPEC | {"epochs": epochs, "milestones": [epochs]}))
        assert valid in caught.value.remedy


def test_widest_and_narrowest_bits_are_accepted() -> None:
    spec = parse(TrainSpec, (TRAIN_SPEC | {"weight_bits": 2, "act_bits": 32}))
    assert spec.bits_of_layers() == ((2, 2, 2, 2), (32, 32, 32))


def test_bits_of_each_layer_must_be_as_many_as_the_layers() -> None:
    spec = parse(TrainSpec, (TRAIN_SPEC | {"weight_bits": [8, 2, 2, 8], "act_bits": [4, 4]}))
    with pytest.raises(Misfit, match=r"^act_bits is \[4, 4\]") as caught:
        spec.bits_of_layers()
    assert "a list of 3" in caught.value.remedy


@pytest.mark.parametrize(
    "declaration",
    [
        {},
        {"layers": 5, "flat": True},
        {"layers": [{"kind": "GELU"}], "flat": True},
        {"layers": [{"kind": "Linear", "outputs": 0}], "flat": True},
        {"layers": [{"kind": "Linear", "outputs": 4, "bias": True}], "flat": True},
    ],
)
def test_what_declares_no_network(declaration: dict[str, Any]) -> None:
    with pytest.raises(Misfit, match=r"^architecture cannot be used: "):
        parse(TrainSpec, (TRAIN_SPEC | {"architecture": declaration}))


def test_nothing_to_check_the_export_against() -> None:
    with pytest.raises(Misfit, match="golden_images is 0"):
        parse(ExportSpec, {"golden_images": 0})
