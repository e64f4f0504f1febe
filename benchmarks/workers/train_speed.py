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

from contract.stages.train import TrainSpec
from train_worker import inference
from train_worker.checkpoint import build_network
from train_worker.data import read_idx, read_split
from train_worker.lean import Twin, join
from train_worker.steps import Learner, steps

EPOCH = 60_000
SPEC = TrainSpec(
    network="TFC", weight_bits=4, act_bits=4, seed=1, epochs=1, batch_size=100,
    learning_rate=0.01, milestones=[], gamma=0.1, dropout=0.2, image_size=32, train_images=0,
)  # fmt: skip


class PerImage(Dataset[tuple[torch.Tensor, int]]):
    """Images as Pillow sees them, one at a time."""

    def __init__(self, folder: Path, count: int) -> None:
        self._images = read_idx(folder / "train-images.idx", 3)[:count]
        self._labels = read_idx(folder / "train-labels.idx", 1)[:count]

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = Image.fromarray(self._images[index])
        scaled = image.resize((SPEC.image_size, SPEC.image_size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(scaled)).float()
        return pixels.reshape(-1), int(self._labels[index])


class BrevitasItself(Twin):
    """No twin at all: Brevitas' modules and autograd, where a twin is expected."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network.train()
        self.vector = join(network.parameters())

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """See `Twin`."""
        self._values = self.network.train()(pixels)
        return self._values.detach()

    def backward(self, gradient: torch.Tensor) -> None:
        """See `Twin`."""
        assert self.vector.grad is not None
        self.vector.grad.zero_()
        self._values.backward(gradient)


def main() -> None:
    """Print seconds per epoch, one for each repeat."""
    folder, images, repeats, way = (
        Path(sys.argv[1]),
        int(sys.argv[2]),
        int(sys.argv[3]),
        sys.argv[4],
    )
    torch.manual_seed(1)
    network = build_network(SPEC, 10).train()
    if way == "naive":
        epoch = _naive(network, folder, images, int(sys.argv[5]))
    else:
        inference.fix_arithmetic()
        twin = BrevitasItself if way == "brevitas" else Twin
        epoch = _as_the_stage(network, twin, folder, images)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        epoch()
        seconds.append((time.perf_counter() - start) * EPOCH / images)
    print(json.dumps(seconds))


def _as_the_stage(
    network: nn.Module, twin: type[Twin], folder: Path, images: int
) -> Callable[[], None]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = read_split(folder, "train", 10, SPEC.image_size).first(images)
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
