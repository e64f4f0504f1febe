"""Whether a GPU is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.environments import torch_builds
from bench.system import gpu


@pytest.fixture
def with_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "nvidiactl"
    device.touch()
    monkeypatch.setattr(gpu, "DEVICE", device)


def test_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "DEVICE", tmp_path / "nvidiactl")
    assert not gpu.has_gpu({})
    assert gpu.visible_devices({"CUDA_VISIBLE_DEVICES": "1"}) == {"CUDA_VISIBLE_DEVICES": ""}


@pytest.mark.usefixtures("with_gpu")
def test_one_that_is_to_be_used_as_the_caller_says() -> None:
    assert gpu.has_gpu({})
    assert gpu.visible_devices({}) == {}
    assert gpu.visible_devices({"CUDA_VISIBLE_DEVICES": "1"}) == {"CUDA_VISIBLE_DEVICES": "1"}


@pytest.mark.usefixtures("with_gpu")
def test_one_that_is_to_be_left_alone() -> None:
    assert not gpu.has_gpu({"BENCH_GPU": "0"})
    assert gpu.visible_devices({"BENCH_GPU": "0"}) == {"CUDA_VISIBLE_DEVICES": ""}


@pytest.mark.parametrize(
    ("info", "offered"),
    [
        ({"Runtimes": {"runc": {}}}, False),
        ({"Runtimes": {"runc": {}, "nvidia": {}}}, True),
        ({"Runtimes": {"runc": {}}, "DiscoveredDevices": [{"ID": "nvidia.com/gpu=0"}]}, True),
        ({"Runtimes": {"runc": {}}, "DiscoveredDevices": [{"ID": "vendor.com/net=0"}]}, False),
        ({}, False),
    ],
)
def test_engine(info: dict[str, object], offered: bool) -> None:
    assert gpu.engine_offers_gpu(info) is offered


def test_the_build_of_torch_follows() -> None:
    assert torch_builds(gpu=False) == torch_builds(gpu=True)[::-1]
    assert torch_builds(gpu=True)[0].name == "torch-cuda.lock"
