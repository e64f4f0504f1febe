"""The train stage, run for real on a small data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import (
    CLASSES,
    IMAGE_SIZE,
    TRAIN_SPEC,
    Outcome,
    change_split,
    make_request,
    run_here,
    run_worker,
    write_dataset,
)
from contract.arrays import load_npz
from stagekit import StageError
from train_worker.checkpoint import Checkpoint
from train_worker.training import _batches, train


def test_learns_and_reports_each_epoch(trained: Outcome) -> None:
    assert trained.result["status"] == "done"
    epochs = trained.metrics["epochs"]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2, 3]
    assert [epoch["learning_rate"] for epoch in epochs] == pytest.approx([0.01, 0.01, 0.001])
    assert epochs[-1]["loss"] < epochs[0]["loss"]
    assert trained.metrics["accuracy"] > 2 / CLASSES
    progress = [event for event in trained.events if event["event"] == "progress"]
    assert [event["done"] for event in progress] == [1, 2, 3]
    assert all("loss" in event["text"] and "accuracy" in event["text"] for event in progress)


def test_best_epoch_is_the_later_of_equals(trained: Outcome) -> None:
    epochs = trained.metrics["epochs"]
    best = max(epochs, key=lambda epoch: (epoch["test_accuracy"], epoch["epoch"]))
    assert trained.metrics["accuracy"] == best["test_accuracy"]
    assert trained.metrics["best_epoch"] == best["epoch"]
    checkpoint = Checkpoint.load(trained.outputs / "checkpoint.pt")
    assert (checkpoint.epoch, checkpoint.accuracy) == (best["epoch"], best["test_accuracy"])


def test_parameters_are_counted(trained: Outcome) -> None:
    weights = IMAGE_SIZE**2 * 64 + 64 * 64 + 64 * 64 + 64 * CLASSES
    normalization = 2 * (3 * 64 + CLASSES)
    activation_scales = 3
    assert trained.metrics["parameters"] == weights + normalization + activation_scales


def test_same_request_same_bytes(trained: Outcome, dataset: Path, tmp_path: Path) -> None:
    """Elsewhere on the disk, and with other threads asked for by the environment."""
    again = run_worker(tmp_path / "again", "train", TRAIN_SPEC, {"dataset": dataset}, threads=2)
    assert again.hashes() == trained.hashes()
    assert set(again.hashes()) == {"checkpoint.pt", "metrics.json"}


def test_another_seed_gives_another_network(
    trained: Outcome, dataset: Path, tmp_path: Path
) -> None:
    request = make_request(
        tmp_path / "run", "train", TRAIN_SPEC | {"seed": 2}, {"dataset": dataset}
    )
    run_here(train, request)
    other = Checkpoint.load(request.outputs / "checkpoint.pt").state
    first = Checkpoint.load(trained.outputs / "checkpoint.pt").state
    assert other.keys() == first.keys()
    assert not torch.equal(other["2.weight"], first["2.weight"])


def test_train_images_takes_the_first(dataset: Path, tmp_path: Path) -> None:
    """As if the data set held no more."""
    shorter = write_dataset(tmp_path / "shorter")
    images, labels = load_npz(dataset / "train.npz", ("images", "labels"))
    change_split(shorter, "train", images=images[:101], labels=labels[:101])
    states = []
    for folder, count in ((dataset, 101), (shorter, 0)):
        spec = TRAIN_SPEC | {"train_images": count, "epochs": 1, "milestones": []}
        request = make_request(tmp_path / f"run-{count}", "train", spec, {"dataset": folder})
        run_here(train, request)
        states.append(Checkpoint.load(request.outputs / "checkpoint.pt").state)
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_every_image_is_in_one_batch_and_no_batch_is_a_single_image() -> None:
    order = torch.randperm(101)
    batches = _batches(order, 50)
    assert torch.cat(batches).tolist() == order.tolist()
    assert [len(batch) for batch in batches] == [50, 51]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"architecture": {}}, "architecture cannot be used: "),
        ({"weight_bits": 64}, "weight_bits is 64."),
        ({"train_images": 501}, "train_images is 501, the training set holds 500."),
        ({"train_images": 30}, "batch_size is 50, more than the 30 training images."),
        ({"learning_rate": 1e38}, "learning_rate is 1e+38."),
    ],
)
def test_bad_spec(dataset: Path, tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    request = make_request(tmp_path / "run", "train", TRAIN_SPEC | change, {"dataset": dataset})
    with pytest.raises(StageError) as caught:
        run_here(train, request)
    assert caught.value.what.startswith(reason)
    assert caught.value.remedy
    assert list(request.outputs.iterdir()) == []


def test_failure_is_told_to_the_orchestrator(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "dataset")
    path = folder / "train.npz"
    path.write_bytes(path.read_bytes()[:1000])
    run = run_worker(tmp_path / "run", "train", TRAIN_SPEC, {"dataset": folder})
    assert run.result["status"] == "failed"
    assert "train.npz cannot be read" in run.result["reason"]
    assert run.result["remedy"]
    assert run.hashes() == {}
