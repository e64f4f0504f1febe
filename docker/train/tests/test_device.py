"""Where a network is trained, without a GPU; test_gpu.py has what takes one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from test_own import CONVOLUTIONS, spec
from torch import nn

from conftest import IMAGE_SIZE, TRAIN_SPEC, make_request, run_here
from contract.code import Code
from stagekit import Reporter
from train_worker import device, inference
from train_worker.checkpoint import Checkpoint
from train_worker.data import read_split
from train_worker.training import train

OTHER = torch.device("cpu", 0)
"""The processor, but not by the name that it has elsewhere: stands for a GPU."""
META = torch.device("meta")
"""Computes nothing, but refuses what lies elsewhere, as a GPU does."""
IMAGES = torch.zeros(4, 8, dtype=torch.uint8)


class Forgetful(nn.Linear):
    """Keeps a tensor that does not move with it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * torch.ones(len(x), 1)


@pytest.fixture
def reporter() -> Reporter:
    return Reporter(io.StringIO())


def events(reporter: Reporter) -> str:
    stream = reporter._stream
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_a_gpu_is_used_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, reporter: Reporter
) -> None:
    monkeypatch.setattr(device, "gpu", lambda: META)
    assert device.choose(nn.Linear(8, 2), None, IMAGES, reporter) == META
    assert reporter.tools == {"training device": "meta"}
    assert events(reporter) == ""


def test_without_one_it_is_the_processor(
    monkeypatch: pytest.MonkeyPatch, reporter: Reporter
) -> None:
    monkeypatch.setattr(device, "gpu", lambda: None)
    assert device.choose(nn.Linear(8, 2), None, IMAGES, reporter) == inference.PROCESSOR
    assert reporter.tools == {"training device": "processor"}


@pytest.mark.parametrize(
    ("code", "says"),
    [(None, "The network is"), (Code(file="my_net.py", text="", function="build"), "my_net.py is")],
)
def test_where_the_gpu_fails_it_is_the_processor_and_a_note_says_why(
    monkeypatch: pytest.MonkeyPatch, reporter: Reporter, code: Code | None, says: str
) -> None:
    monkeypatch.setattr(device, "gpu", lambda: META)
    network = Forgetful(8, 2)
    assert device.choose(network, code, IMAGES, reporter) == inference.PROCESSOR
    assert f"{says} trained on the processor, as the GPU fails: RuntimeError:" in events(reporter)
    assert "meta" in events(reporter)
    assert reporter.tools == {"training device": "processor"}


def test_a_trial_leaves_no_trace() -> None:
    """The network and the random numbers are those of a machine without a GPU."""
    network = nn.Sequential(nn.Dropout(), nn.Linear(8, 2), nn.BatchNorm1d(2))
    torch.manual_seed(1)
    wanted = torch.rand(3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(1)
    assert device.what_hinders(network, IMAGES, OTHER) == ""
    assert torch.equal(torch.rand(3), wanted)
    after = network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_operators_that_are_not_deterministic_hinder() -> None:
    class Net(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            places = torch.arange(2).expand(1, len(x), 2)
            return nn.functional.max_unpool1d(super().forward(x)[None], places, 1)[0]

    inference.fix_arithmetic()
    hindrance = device.what_hinders(Net(8, 2), IMAGES, OTHER)
    assert "does not have a deterministic implementation" in hindrance


@pytest.mark.parametrize("changes", [TRAIN_SPEC, spec(CONVOLUTIONS)], ids=["TFC", "my_net.py"])
def test_on_another_device_it_is_trained_and_stored_the_same_way(
    changes: dict[str, Any], dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It moves there, is evaluated there, and comes back: here, with the same arithmetic."""
    found = {}
    for name, place in (("here", None), ("there", OTHER)):
        monkeypatch.setattr(device, "gpu", lambda place=place: place)
        request = make_request(tmp_path / name, "train", changes, {"dataset": dataset})
        run_here(train, request)
        found[name] = {path.name: path.read_bytes() for path in request.outputs.iterdir()}
    assert found["here"] == found["there"]


def test_the_accuracy_is_that_of_the_processor(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another device may round a few images differently; it is the processor's that is told."""
    evaluate = inference.logits

    def rounded(
        network: nn.Module, images: torch.Tensor, place: torch.device = inference.PROCESSOR
    ) -> Any:
        values = evaluate(network, images, place)
        if place == OTHER:
            values[:10] = 0.0
        return values

    monkeypatch.setattr(device, "gpu", lambda: OTHER)
    monkeypatch.setattr(inference, "logits", rounded)
    request = make_request(tmp_path / "run", "train", TRAIN_SPEC, {"dataset": dataset})
    run_here(train, request)
    checkpoint = Checkpoint.load(request.outputs / "checkpoint.pt")
    test_set = read_split(dataset, "test", checkpoint.findings, IMAGE_SIZE, flat=True)
    guesses = inference.predictions(evaluate(checkpoint.network(), test_set.images))
    assert checkpoint.accuracy == (guesses == test_set.labels.numpy()).mean()


def test_a_gpu_is_asked_to_round_as_the_processor_does() -> None:
    """Torch's own choice for convolutions is 10 bits."""
    inference.fix_arithmetic()
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"
    assert torch.backends.cudnn.rnn.fp32_precision == "ieee"
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"
