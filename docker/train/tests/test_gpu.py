"""What takes a GPU; skipped where there is none, and where other modules run beside it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import test_lean
import torch
from test_lean_images import IMAGE, KINDS, network
from test_own import CONVOLUTIONS, forward, spec
from torch import nn
from torch.nn import functional

from bench.networks import NETWORKS
from conftest import TRAIN_SPEC, run_worker, write_dataset
from train_worker import inference
from train_worker.data import Split
from train_worker.lean import Twin
from train_worker.steps import Learner, RecordedStep, cross_entropy

GPU = torch.device("cuda")
BITS = (1, 2, 4)
BATCH = 50
ROUNDING = 1e-9
"""Of sums of doubles in another order: float32 would choose other levels now and then."""
SMALL = {"image_size": 32, "epochs": 2, "milestones": [1], "batch_size": 50}


@pytest.fixture(autouse=True)
def a_gpu_with_fixed_arithmetic() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU, or not run alone")
    inference.fix_arithmetic()


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("coloured") / "dataset", channels=3)


def batch(count: int) -> Split:
    """Images of noise, and labels."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (count, *IMAGE), generator=generator, dtype=torch.uint8)
    return Split(images, torch.arange(count) % 10)


@pytest.mark.parametrize("bits", [0, *BITS])
@pytest.mark.parametrize("kind", KINDS)
def test_the_twin_is_brevitas_there_too(kind: str, bits: int) -> None:
    original = network(kind, bits).double().to(GPU)
    twin = Twin(copy.deepcopy(original))
    data = batch(BATCH)
    images, labels = data.images.to(GPU).double(), data.labels.to(GPU)
    logits = original.train()(images)
    functional.cross_entropy(logits, labels).backward()
    found = twin.forward(images)
    twin.backward(cross_entropy(found, labels)[1])
    assert (found - logits).abs().max() <= ROUNDING * logits.abs().max()
    for ours, theirs in zip(twin.network.parameters(), original.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        difference = (ours.grad - theirs.grad).norm()
        assert difference <= 100 * ROUNDING * (1 + theirs.grad.norm())
    for ours, theirs in zip(twin.network.buffers(), original.buffers(), strict=True):
        assert torch.allclose(ours, theirs, rtol=ROUNDING)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("kind", KINDS)
def test_recorded_steps_are_the_steps(kind: str, bits: int) -> None:
    """To the last bit, for every kind of layer."""
    assert_recorded(lambda: network(kind, bits), batch(2 * BATCH))


def test_recorded_steps_of_a_perceptron_are_the_steps() -> None:
    images, labels = test_lean.batch()
    data = Split(images.to(torch.uint8), labels)
    assert_recorded(lambda: test_lean.network((4,) * 4, (4,) * 3), data)


def assert_recorded(made: Callable[[], nn.Module], data: Split) -> None:
    """Ten steps as a CUDA graph and ten one by one end in the same network."""
    ends = []
    for recorded in (False, True):
        twin = Twin(made().to(GPU))
        learner = Learner(twin, data, 0.01, GPU)
        order = torch.arange(BATCH, device=GPU)
        step = RecordedStep(learner, order) if recorded else learner.step
        for number in range(10):
            step(order + number)
        step(order[:30])
        ends.append((learner.take_sums(), twin.vector.detach().clone()))
    (sums, plain), (recorded_sums, graph) = ends
    assert recorded_sums == sums
    assert torch.equal(plain, graph)


def test_convolutions_are_rounded_as_floats() -> None:
    """Not to the 10 bits of TF32."""
    torch.manual_seed(1)
    layer, images = nn.Conv2d(64, 64, 3), torch.randn(8, 64, 16, 16)
    with torch.no_grad():
        exact = copy.deepcopy(layer).double()(images.double())
        found = layer.to(GPU)(images.to(GPU)).cpu().double()
    assert (found - exact).norm() <= 1e-6 * exact.norm()


@pytest.mark.parametrize("name", ["CNV", "ResNet8", "MobileNetV1-narrow"])
def test_training_repeats_and_a_machine_without_a_gpu_exports_it(
    name: str, coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = NETWORKS[name].architecture.to_json()
    wanted = TRAIN_SPEC | {"network": name, "architecture": architecture} | SMALL
    runs = [
        run_worker(tmp_path / f"run-{number}", "train", wanted, {"dataset": coloured})
        for number in (1, 2)
    ]
    assert [run.result["status"] for run in runs] == ["done"] * 2, runs[0].log
    assert runs[0].result["tools"]["training device"] == torch.cuda.get_device_name()
    assert runs[0].hashes() == runs[1].hashes()
    state = torch.load(runs[0].outputs / "checkpoint.pt", weights_only=True)["state"]
    assert {value.device.type for value in state.values()} == {"cpu"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    inputs = {"dataset": coloured, "train": runs[0].outputs}
    exported = run_worker(tmp_path / "export", "export", {"golden_images": 100}, inputs)
    assert exported.result["status"] == "done", exported.log


OWN = {
    "of Brevitas' defaults": CONVOLUTIONS,
    "random": CONVOLUTIONS.replace(
        "x = self.act", "x = x * torch.rand_like(x) if self.training else x\n        x = self.act"
    ),
}


@pytest.mark.parametrize("kind", OWN)
def test_a_network_of_the_users_own(kind: str, dataset: Path, tmp_path: Path) -> None:
    inputs = {"dataset": dataset}
    runs = [
        run_worker(tmp_path / f"run-{number}", "train", spec(OWN[kind]), inputs)
        for number in (1, 2)
    ]
    assert runs[0].result["status"] == "done", runs[0].log
    assert runs[0].result["tools"]["training device"] == torch.cuda.get_device_name()
    assert runs[0].hashes() == runs[1].hashes()


UNABLE = {
    "keeps a tensor elsewhere": (forward("x = x * torch.ones(len(x), 1)"), "device"),
    "is not deterministic": (
        forward(
            "x = self.fc(x)[:, None, None]",
            "return nn.functional.adaptive_max_pool2d(x, (1, classes)).flatten(1)",
        ),
        "deterministic",
    ),
}


@pytest.mark.parametrize("kind", UNABLE)
def test_what_a_gpu_cannot_train_the_processor_does(
    kind: str, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, why = UNABLE[kind]
    there = run_worker(tmp_path / "there", "train", spec(text), {"dataset": dataset})
    assert there.result["status"] == "done", there.log
    assert there.result["tools"]["training device"] == "processor"
    notes = [event["text"] for event in there.events if event["event"] == "note"]
    assert len(notes) == 1
    assert why in notes[0]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    here = run_worker(tmp_path / "here", "train", spec(text), {"dataset": dataset})
    assert here.hashes() == there.hashes()
