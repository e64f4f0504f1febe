"""What a first run is said to take: near to what was measured, of small networks and of large."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from bench.networks import NETWORKS
from contract.finn import compile as compiling
from contract.finn import measure, simulate, size, work
from contract.stage import Stage
from contract.stages.train import TrainSpec

TFC = [[2, 8], [1, 1], [1, 1], [5, 1]]
CNV = [[8, 1], [16, 16], [8, 16], [8, 16], [4, 8], [1, 8], [1, 2], [1, 4], [1, 1]]
BUILD: dict[str, Any] = {"target_fps": None, "goal": None, "clock_mhz": 100.0, "options": ()}
SIMULATION = {"images": 100, "exact": False, "trace_images": 0}


def specs_of(network: str, folding: list[list[int]]) -> dict[str, Any]:
    known = NETWORKS[network]
    train = {"network": network, "architecture": known.architecture, "seed": 1, "epochs": 1}
    train |= {"weight_bits": 2, "act_bits": 2, "milestones": (), **asdict(known.defaults)}
    dataset = {"shape": [1, 28, 28], "classes": 10, "train_images": 100}
    spec = asdict(TrainSpec(**train))
    return {"train": spec, "dataset": dataset, "compile": BUILD | {"folding": folding}}


def seconds(stage: Stage, specs: dict[str, Any], **spec: Any) -> float:
    return stage.cost.seconds + stage.cost.per_unit * stage.amount(SIMULATION | spec, specs)


@pytest.mark.parametrize(
    ("network", "folding", "least"),
    [("TFC", TFC, (1.5, 4, 0.4)), ("CNV", CNV, (9, 30, 5))],
)
def test_a_first_run_is_forecast(
    network: str, folding: list[list[int]], least: tuple[float, float, float]
) -> None:
    specs = specs_of(network, folding)
    found = [seconds(stage, specs) for stage in (compiling.STAGE, size.STAGE, simulate.STAGE)]
    for said, low in zip(found, least, strict=True):
        assert low <= said <= 1.7 * low, found


def test_ten_thousand_images_of_cnv_take_minutes() -> None:
    said = seconds(simulate.STAGE, specs_of("CNV", CNV), images=10_000)
    assert 6 * 60 < said < 12 * 60
    assert seconds(simulate.STAGE, specs_of("CNV", CNV), images=10_000, exact=True) > 5 * said


def test_streams_of_layers_that_are_not_known_are_guessed() -> None:
    specs = {"compile": BUILD | {"folding": CNV}}
    assert work.streams(specs) == work.UNKNOWN_STREAMS
    for stage in (compiling.STAGE, size.STAGE, simulate.STAGE):
        assert seconds(stage, specs) > stage.cost.seconds


def test_only_an_emulated_board_simulates() -> None:
    specs = specs_of("TFC", TFC)
    emulated = {"boards": (measure.EMULATED,), "images": 10}
    assert measure.STAGE.amount(emulated, specs) == work.of_images(10, specs) == 10 * 4096 * 11
    assert measure.STAGE.amount({"boards": ("user@host",), "images": 10}, specs) == 0
