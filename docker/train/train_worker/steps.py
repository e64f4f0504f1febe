"""Training steps: one batch after another, on the processor or as a CUDA graph."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import nn
from torch.nn import functional

from train_worker.data import Split

GRAPH_WARM_UP = 3
"""Steps before a CUDA graph is recorded, so that libraries have allocated what they need."""


def cross_entropy(values: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over the images of logits [N, classes], and its gradient."""
    logarithms = values.log_softmax(dim=1)
    wanted = torch.eye(values.shape[1], device=values.device).index_select(0, labels)
    gradient = logarithms.exp().sub_(wanted).div_(len(labels))
    return functional.nll_loss(logarithms, labels), gradient


class Differentiable(Protocol):
    """A network whose gradients lie in one vector; see `lean.Twin`."""

    network: nn.Module
    vector: nn.Parameter
    recordable: bool

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The logits of a batch in training."""

    def backward(self, gradient: torch.Tensor) -> None:
        """Fill `vector.grad`, given the gradient of the logits that `forward` returned last."""


class Learner:
    """A network's twin with its optimizer and the images it learns from, all on one device.

    Args:
        twin: Maps float pixels [N, F] or [N, C, H, W] to logits [N, classes].
        data: The training images; kept as bytes, as fetching floats from memory takes longer.
        learning_rate: Adam's.
        device: Where all of it is, the twin's network included.
    """

    def __init__(
        self, twin: Differentiable, data: Split, learning_rate: float, device: torch.device
    ) -> None:
        self._twin = twin
        self.recordable = twin.recordable
        self._images = data.images.to(device)
        self._labels = data.labels.to(device)
        on_gpu = device.type == "cuda"
        # A recorded step reads its rate from the device.
        rate = torch.tensor(learning_rate, device=device) if on_gpu else learning_rate
        self.optimizer = torch.optim.Adam([twin.vector], lr=rate, fused=True, capturable=on_gpu)
        # Sums stay tensors until the end: reading a value out at each step costs time.
        self._loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        self._right = torch.zeros((), dtype=torch.int64, device=device)

    def step(self, batch: torch.Tensor) -> None:
        """Learn from the images with the indices `batch`."""
        labels = self._labels.index_select(0, batch)
        values = self._twin.forward(self._images.index_select(0, batch).float())
        loss, gradient = cross_entropy(values, labels)
        self._twin.backward(gradient)
        self.optimizer.step()
        self._loss_sum += loss * len(batch)
        self._right += (values.argmax(dim=1) == labels).sum()

    def take_sums(self) -> tuple[float, int]:
        """Loss summed over the images since the last call, and how many were right."""
        sums = self._loss_sum.item(), int(self._right.item())
        self._loss_sum.zero_()
        self._right.zero_()
        return sums

    def snapshot(self) -> list[torch.Tensor]:
        """A copy of the network's parameters and buffers."""
        return [tensor.detach().clone() for tensor in self._tensors()]

    def restart_from(self, snapshot: list[torch.Tensor]) -> None:
        """Put a snapshot back, and the optimizer where it was before its first step."""
        with torch.no_grad():
            for tensor, value in zip(self._tensors(), snapshot, strict=True):
                tensor.copy_(value)
            for state in self.optimizer.state.values():
                for tensor in state.values():
                    tensor.zero_()
        self.take_sums()

    def _tensors(self) -> list[torch.Tensor]:
        return [*self._twin.network.parameters(), *self._twin.network.buffers()]


class Steps(Protocol):
    """Does training steps."""

    def __call__(self, batch: torch.Tensor) -> None:
        """Learn from the images with the indices `batch`, which is on the device."""


class RecordedStep:
    """A step recorded as a CUDA graph: the GPU gets one command instead of hundreds.

    Args:
        learner: Not yet trained; comes out as it went in.
        batch: A first batch; others of the same length follow the recording.
    """

    def __init__(self, learner: Learner, batch: torch.Tensor) -> None:
        self._learner = learner
        self._batch = batch.clone()
        before = learner.snapshot()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(GRAPH_WARM_UP):
                learner.step(self._batch)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            learner.step(self._batch)
        learner.restart_from(before)

    def __call__(self, batch: torch.Tensor) -> None:
        """See `Steps`."""
        if batch.shape != self._batch.shape:
            self._learner.step(batch)
            return
        self._batch.copy_(batch)
        self._graph.replay()


def steps(learner: Learner, batch: torch.Tensor, device: torch.device) -> Steps:
    """The fastest way to do steps of the length of `batch` on `device`."""
    if device.type == "cuda" and learner.recordable:
        return RecordedStep(learner, batch)
    return learner.step
