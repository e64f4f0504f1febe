"""Seconds per epoch of 60,000 images at batch 100. Runs in the train environment.

`ours` trains as the train stage does, `brevitas` likewise but through Brevitas' modules. `naive` is
the usual way: a data set that opens, resizes and converts every image when it is asked for, and a
DataLoader, with worker processes or without.

Usage: train_speed.py DATASET IMAGES REPEATS ours|brevitas|naive [WORKERS]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from contract.arrays import load_npz
from contract.stages.train import TrainSpec
from train_worker import inference
from train_worker.autograd import Autograd
from train_worker.checkpoint import build_network
from train_worker.data import read_findings, read_split
from train_worker.lean import Twin
from train_worker.steps import Learner, steps

sys.path.append(str(Path(__file__).resolve().parents[2]))
from bench.networks.tfc import NETWORK

EPOCH = 60_000
SPEC = TrainSpec(
    network="TFC", architecture=NETWORK.architecture, weight_bits=4, act_bits=4, seed=1,
    epochs=1, batch_size=100, learning_rate=0.01, milestones=(), gamma=0.1, dropout=0.2,
    image_size=32, train_images=0,
)  # fmt: skip


class PerImage(Dataset[tuple[torch.Tensor, int]]):
    """Images as Pillow sees them, one at a time."""

    def __init__(self, folder: Path, count: int) -> None:
        images, labels = load_npz(folder / "train.npz", ("images", "labels"))
        self._images, self._labels = images[:count, 0], labels[:count]

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = Image.fromarray(self._images[index])
        scaled = image.resize((SPEC.image_size, SPEC.image_size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(scaled)).float()
        return pixels.reshape(-1), int(self._labels[index])


def main() -> None:
    """Print seconds per epoch, one for each repeat."""
    folder, images, repeats, way = (
        Path(sys.argv[1]),
        int(sys.argv[2]),
        int(sys.argv[3]),
        sys.argv[4],
    )
    torch.manual_seed(1)
    network = build_network(SPEC, read_findings(folder), SPEC.dropout).train()
    if way == "naive":
        epoch = _naive(network, folder, images, int(sys.argv[5]))
    else:
        inference.fix_arithmetic()
        twin = Autograd if way == "brevitas" else Twin
        epoch = _as_the_stage(network, twin, folder, images)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        epoch()
        seconds.append((time.perf_counter() - start) * EPOCH / images)
    print(json.dumps(seconds))


def _as_the_stage(
    network: nn.Module, twin: type[Twin | Autograd], folder: Path, images: int
) -> Callable[[], None]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = read_split(folder, "train", read_findings(folder), SPEC.image_size, flat=True)
    data = data.first(images)
    learner = Learner(twin(network.to(device)), data, SPEC.learning_rate, device)
    step = steps(learner, torch.arange(SPEC.batch_size, device=device), device)

    def epoch() -> None:
        for batch in torch.randperm(images).to(device).split(SPEC.batch_size):
            step(batch)
        learner.take_sums()

    return epoch


def _naive(network: nn.Module, folder: Path, images: int, workers: int) -> Callable[[], None]:
    optimizer = torch.optim.Adam(network.parameters(), lr=SPEC.learning_rate)
    data = PerImage(folder, images)
    loader = DataLoader(data, SPEC.batch_size, shuffle=True, num_workers=workers)

    def epoch() -> None:
        for values, labels in loader:
            loss = functional.cross_entropy(network(values), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


if __name__ == "__main__":
    main()
