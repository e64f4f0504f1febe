"""What follows from layers, and what is said where nobody on the host knows them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from bench.networks import NETWORKS
from contract.code import Code
from contract.fields import Misfit, parse
from contract.finn.cycles import UNKNOWN_CYCLES, cycles_per_image, refusal
from contract.layers import layers_of
from contract.stages.train import STAGE, TrainSpec
from contract.training_costs import UNKNOWN_PRODUCTS

TFC = NETWORKS["TFC"]
DATASET = {"shape": [1, 28, 28], "classes": 10, "train_images": 100, "test_images": 10}
BUILD: dict[str, Any] = {
    "folding": [[4, 3]] * 4,
    "target_fps": None,
    "goal": None,
    "clock_mhz": 100.0,
}
CODE = Code(file="my_net.py", text="def build(): ...", function="build")


def train_spec(**changes: Any) -> dict[str, Any]:
    values = {"network": "TFC", "architecture": TFC.architecture, "weight_bits": 2, "act_bits": 2}
    values |= {"seed": 1, "epochs": 2, "milestones": (), **asdict(TFC.defaults), **changes}
    return asdict(TrainSpec(**values))


OWN = train_spec(architecture=None, code=CODE)


def test_layers_are_those_of_the_network_that_is_trained() -> None:
    layers = layers_of({"train": train_spec(), "dataset": DATASET})
    assert layers is not None
    assert [(layer.inputs, layer.outputs) for layer in layers] == [
        (1024, 64), (64, 64), (64, 64), (64, 10),
    ]  # fmt: skip


@pytest.mark.parametrize("specs", [{"train": OWN, "dataset": DATASET}, {"dataset": DATASET}, {}])
def test_of_layers_that_are_not_known_nothing_is_refused(specs: dict[str, Any]) -> None:
    assert layers_of(specs) is None
    assert refusal({**specs, "compile": BUILD}) is None
    assert cycles_per_image({**specs, "compile": BUILD}) == UNKNOWN_CYCLES
    searched = BUILD | {"folding": None, "target_fps": 1000.0}
    assert cycles_per_image({**specs, "compile": searched}) == 100_000


@pytest.mark.parametrize("asked", [{"goal": f"smallest:{10**14}"}, {"target_fps": 1e-6}])
def test_a_search_is_not_slower_than_the_smallest_folding(asked: dict[str, Any]) -> None:
    build = BUILD | {"folding": None} | asked
    known = {"train": train_spec(), "dataset": DATASET, "compile": build}
    assert cycles_per_image(known) == 1024 * 64
    unknown = cycles_per_image({"compile": build})
    assert unknown == 100 * UNKNOWN_CYCLES


def test_a_folding_that_cannot_be_is_refused_of_layers_that_are_known() -> None:
    said = refusal({"train": train_spec(), "dataset": DATASET, "compile": BUILD})
    assert said is not None
    assert "SIMD 3 does not divide" in said


def test_what_a_training_takes_is_a_guess_where_layers_are_not_known() -> None:
    specs = {"train": OWN, "dataset": DATASET}
    assert STAGE.amount(OWN, specs) > 2 * 100 * UNKNOWN_PRODUCTS
    assert STAGE.memory(OWN, specs) > 0
    known = train_spec()
    amount = STAGE.amount(known, {"train": known, "dataset": DATASET})
    assert 2 * 100 * 74_368 < amount < STAGE.amount(OWN, specs)


def test_a_training_has_layers_or_code() -> None:
    assert TFC.architecture is not None
    for spec in (OWN, train_spec()):
        as_json = spec if spec is OWN else spec | {"architecture": TFC.architecture.to_json()}
        assert (parse(TrainSpec, as_json).architecture is None) == (spec is OWN)
    with pytest.raises(Misfit, match="architecture"):
        train_spec(architecture=None)
    with pytest.raises(Misfit, match="architecture"):
        train_spec(code=CODE)
