"""What artifacts are said to take on a disk: near to what they were found to take."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from bench.datasets import DATASETS
from bench.networks import NETWORKS
from contract.finn import compile as compiling
from contract.finn import inspect, simulate
from contract.stage import Stage
from contract.stages import dataset, draft, export, imported, model, train
from contract.stages.train import TrainSpec

SPEC = {"golden_images": 100, "images": 1000, "oversized": "simulate"}


def specs_of(network: str, data: str) -> dict[str, Any]:
    known = NETWORKS[network]
    given = {"network": network, "architecture": known.architecture, "seed": 1, "epochs": 1}
    given |= {"weight_bits": 2, "act_bits": 2, "milestones": (), **asdict(known.defaults)}
    return {"train": asdict(TrainSpec(**given)), "dataset": asdict(DATASETS[data].spec)}


def drafted(network: str, data: str) -> dict[str, Any]:
    """The same of a draft, which rests on no data set."""
    specs = specs_of(network, data)
    kept = {name: specs["dataset"][name] for name in ("shape", "classes", "quantization")}
    return {"draft": specs["train"] | kept}


def disk(stage: Stage, specs: dict[str, Any], **spec: Any) -> float:
    return stage.cost.disk + stage.disk(SPEC | spec, specs)


@pytest.mark.parametrize(
    ("name", "megabytes"), [("MNIST", 54.951), ("CIFAR-10", 184.38), ("GTSRB", 159.30)]
)
def test_a_data_set(name: str, megabytes: float) -> None:
    spec = asdict(DATASETS[name].spec)
    assert disk(dataset.STAGE, {}, **spec) == pytest.approx(1e6 * megabytes, rel=1e-3)


# Bytes as found: of a draft, a training, an export, a compilation, a simulation of 1,000 images.
FOUND = [
    ("TFC", "MNIST", 308_234, 310_431, 10_746_821, 1_271_982, 1_701_370),
    ("LFC", "MNIST", 12_692_302, 12_682_157, 23_130_886, 39_875_417, 3_197_450),
    ("LeNet5", "MNIST", 259_867, 260_756, 10_698_409, 1_261_703, 1_681_038),
    ("CNV", "CIFAR-10", 6_227_164, 6_221_763, 37_350_320, 20_190_146, 2_741_816),
    ("ResNet8", "CIFAR-10", 338_232, 337_384, 31_461_345, 1_872_231, 1_974_387),
    ("MobileNetV1-narrow", "CIFAR-10", 952_460, 943_890, 32_074_765, 10_887_380, 2_552_312),
    ("VGG11", "CIFAR-10", 36_965_400, 36_955_202, 68_088_510, 116_308_137, None),
]


@pytest.mark.parametrize(("network", "data", "bytes_found"), [(n, d, f) for n, d, *f in FOUND])
def test_a_network(network: str, data: str, bytes_found: list[int | None]) -> None:
    specs, early = specs_of(network, data), drafted(network, data)
    near = {
        "draft": (draft.STAGE, early, 1.2),
        "train": (train.STAGE, specs, 1.2),
        "export": (export.STAGE, specs, 1.1),
        "compile": (compiling.STAGE, specs, 2.2),
        "simulate": (simulate.STAGE, specs, 1.2),
    }
    for (name, (stage, of, times)), measured in zip(near.items(), bytes_found, strict=True):
        if measured is not None:
            assert measured / times < disk(stage, of) < measured * times, name


def test_of_a_given_model_its_file_tells() -> None:
    specs = {"model": {"file_bytes": 248_204}, "dataset": asdict(DATASETS["MNIST"].spec)}
    assert disk(model.STAGE, specs, **specs["model"]) == pytest.approx(248_204, rel=0.01)
    assert disk(imported.STAGE, specs) == pytest.approx(8_261_371, rel=0.01)
    assert disk(compiling.STAGE, specs) == pytest.approx(1_023_337, rel=1)
    large = specs | {"model": {"file_bytes": 50_000_000}}
    assert disk(compiling.STAGE, large) > 100e6
    assert compiling.STAGE.memory(SPEC, large) > 0.7e9
    sampled = {"model": large["model"], "sample": {}}
    assert disk(imported.STAGE, sampled) == pytest.approx(50e6, rel=0.01)


def test_looking_at_a_network_takes_what_it_takes_by_its_size() -> None:
    """Seconds as found on a quiet machine: TFC 2.3, CNV 8.6; memory of VGG11: 0.7 GiB."""
    tfc, cnv, vgg = (drafted(n, "CIFAR-10") for n in ("TFC", "CNV", "VGG11"))
    stage = inspect.STAGE
    times = [stage.cost.seconds + stage.cost.per_unit * stage.amount({}, of) for of in (tfc, cnv)]
    assert 2 < times[0] < 5
    assert 6 < times[1] < 14
    assert 0.6 < (stage.cost.memory + stage.memory({}, vgg)) / 2**30 < 1.1
