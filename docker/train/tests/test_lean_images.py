"""The lean twins of layers that see images, against Brevitas and autograd."""

from __future__ import annotations

import copy

import pytest
import torch
from test_lean import CANCELLED
from torch import nn
from torch.nn import functional

import conftest  # noqa: F401  (the path to what follows)
from contract.architecture import (
    CLASSES,
    Architecture,
    BatchNorm,
    Conv2d,
    DepthwiseConv2d,
    Dropout,
    Flatten,
    GlobalAveragePool,
    HardTanh,
    Layer,
    Linear,
    MaxPool,
    ReLU,
    Residual,
    ScalePixels,
)
from train_worker.lean import Twin
from train_worker.networks import build
from train_worker.steps import cross_entropy

IMAGES, IMAGE = 20, (3, 10, 10)
# Of sums over pixels and images in another order.
TOLERANCE = 1e-4
STEM = (ScalePixels(), Conv2d(6, kernel=3, padding=1), BatchNorm())
END: tuple[Layer, ...] = (Flatten(), Linear(CLASSES, per_channel=False), BatchNorm())
KINDS: dict[str, tuple[Layer, ...]] = {
    "pools": (*STEM, HardTanh(), MaxPool(kernel=2, stride=2), *END),
    "overlapping pools": (*STEM, ReLU(), MaxPool(kernel=3, stride=1, padding=1), *END),
    "strides": (*STEM, ReLU(), Conv2d(4, kernel=3, stride=2, per_channel=False), ReLU(), *END),
    "depthwise": (*STEM, ReLU(), DepthwiseConv2d(kernel=3, padding=1), BatchNorm(), ReLU(), *END),
    "residual": (
        *(*STEM, ReLU()),
        Residual((Conv2d(6, kernel=3, padding=1), BatchNorm())),
        Residual(
            (Conv2d(8, kernel=3, stride=2, padding=1), BatchNorm(), ReLU(), Conv2d(8, kernel=1)),
            (Conv2d(8, kernel=1, stride=2), BatchNorm()),
        ),
        *(ReLU(), GlobalAveragePool(), *END),
    ),
}


def network(kind: str, bits: int) -> nn.Sequential:
    """A network of that kind whose normalization has been learning for a while."""
    torch.manual_seed(3)
    architecture = Architecture(layers=KINDS[kind])
    widths = (bits,) * architecture.weighted(), (bits,) * architecture.activations()
    made = build(architecture, IMAGE, 10, *widths, dropout=0.0)
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 2.0)
                module.bias.uniform_(-0.5, 0.5)
    return made


@pytest.mark.parametrize("bits", [0, 1, 2, 4, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_brevitas(kind: str, bits: int) -> None:
    original = network(kind, bits)
    twin = Twin(copy.deepcopy(original))
    images, labels = torch.randint(0, 256, (IMAGES, *IMAGE)).float(), torch.arange(IMAGES) % 10
    logits = original.train()(images)
    functional.cross_entropy(logits, labels).backward()
    found = twin.forward(images)
    twin.backward(cross_entropy(found, labels)[1])
    assert torch.equal(found, logits)
    for ours, theirs in zip(twin.network.parameters(), original.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        difference = (ours.grad - theirs.grad).norm()
        assert difference <= TOLERANCE * theirs.grad.norm() + CANCELLED
    for ours, theirs in zip(twin.network.buffers(), original.buffers(), strict=True):
        assert torch.equal(ours, theirs)


def test_bipolar_weights_stay_within_their_range() -> None:
    """What is learned beyond -1 and 1 would take long to come back."""
    made = network("pools", 1)
    with torch.no_grad():
        made[1].weight.mul_(5.0)
    twin = Twin(made)
    twin.forward(torch.zeros(2, *IMAGE))
    assert made[1].weight.abs().max() == 1.0


def test_a_layer_before_the_first_weights_needs_no_gradient() -> None:
    layers = (ScalePixels(), Dropout(), *KINDS["pools"][1:])
    made = build(Architecture(layers=layers), IMAGE, 10, (4, 4), (4,), dropout=0.3)
    twin = Twin(made)
    logits = twin.forward(torch.ones(4, *IMAGE))
    twin.backward(torch.ones_like(logits))
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for p in made.parameters() if p.ndim > 1
    )
