"""What modules are made of declarations."""

from __future__ import annotations

import copy

import pytest
import torch
from brevitas import nn as qnn
from torch import nn
from torch.nn import functional

import conftest  # noqa: F401  (the path to what follows)
from bench.networks import NETWORKS, Network
from contract.architecture import (
    CLASSES,
    Architecture,
    AveragePool,
    BatchNorm,
    Conv2d,
    DepthwiseConv2d,
    Flatten,
    GlobalAveragePool,
    HardTanh,
    Linear,
    MaxPool,
    ReLU,
    Residual,
    ScalePixels,
)
from contract.stages.dataset import Quantization
from stagekit import StageError
from train_worker.autograd import Autograd
from train_worker.data import Split
from train_worker.networks import ScalePixels as Scaling
from train_worker.networks import build
from train_worker.steps import Learner

TFC = NETWORKS["TFC"].architecture
EVERY_KIND = Architecture(
    layers=(
        ScalePixels(),
        Conv2d(8, kernel=3, padding=1),
        BatchNorm(),
        ReLU(),
        MaxPool(kernel=2, stride=2),
        Residual(
            branch=(DepthwiseConv2d(kernel=3, stride=2, padding=1), BatchNorm(), ReLU()),
            shortcut=(Conv2d(8, kernel=1, stride=2), BatchNorm(), HardTanh()),
        ),
        Residual(branch=(Conv2d(8, kernel=3, padding=1),)),
        AveragePool(kernel=2, stride=1),
        GlobalAveragePool(),
        Flatten(),
        Linear(CLASSES, per_channel=False),
    ),
)


def tfc(weights: tuple[int, ...], acts: tuple[int, ...]) -> nn.Module:
    """A small network."""
    torch.manual_seed(0)
    return build(TFC, (1, 8, 8), 4, weights, acts, dropout=0.2)


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_weights_and_activations_take_no_more_levels_than_their_bits_allow(bits: int) -> None:
    network = tfc((bits,) * 4, (bits,) * 3).eval()
    linears = [layer for layer in network.modules() if isinstance(layer, qnn.QuantLinear)]
    assert [(layer.in_features, layer.out_features) for layer in linears] == [
        (64, 64),
        (64, 64),
        (64, 64),
        (64, 4),
    ]
    limit = 2 ** (bits - 1) - 1
    for layer in linears:
        assert layer.bias is None
        assert layer.quant_weight().int().abs().max() == limit
    activations = [layer for layer in network.modules() if isinstance(layer, qnn.QuantHardTanh)]
    assert len(activations) == len(linears) - 1
    for layer in activations:
        levels = layer(torch.linspace(-3, 3, 5001)).unique()
        assert len(levels) == 2**bits
        assert levels.min() == -1


def test_every_layer_may_have_bits_of_its_own() -> None:
    network = tfc((8, 2, 3, 4), (5, 2, 3)).eval()
    linears = [layer for layer in network.modules() if isinstance(layer, qnn.QuantLinear)]
    largest = [int(layer.quant_weight().int().abs().max()) for layer in linears]
    assert largest == [127, 1, 3, 7]
    activations = [layer for layer in network.modules() if isinstance(layer, qnn.QuantHardTanh)]
    sweep = torch.linspace(-3, 3, 5001)
    assert [len(layer(sweep).unique()) for layer in activations] == [32, 4, 8]


def test_a_network_without_quantizers_is_an_ordinary_one() -> None:
    kinds = {type(layer) for layer in tfc((0,) * 4, (0,) * 3).modules()}
    assert torch.nn.Linear in kinds
    assert torch.nn.Hardtanh in kinds
    assert not kinds & {qnn.QuantLinear, qnn.QuantHardTanh}


def test_scale_is_per_channel_but_in_the_last_layer() -> None:
    linears = [
        layer for layer in tfc((2,) * 4, (2,) * 3).modules() if isinstance(layer, qnn.QuantLinear)
    ]
    scales = [layer.quant_weight().scale.numel() for layer in linears]
    assert scales == [64, 64, 64, 1]


def test_images_that_a_network_cannot_take() -> None:
    with pytest.raises(StageError, match=r"cannot take images of .*Conv2d: kernel 5 exceeds"):
        build(NETWORKS["LeNet5"].architecture, (1, 4, 4), 4, (2,) * 5, (2,) * 4, 0.0)


def weights_of(network: nn.Module) -> list[tuple[int, int]]:
    """Rows and columns of each layer's weights as a matrix."""
    kinds = nn.Linear | nn.Conv2d
    layers = [layer for layer in network.modules() if isinstance(layer, kinds)]
    return [(layer.weight.shape[0], layer.weight[0].numel()) for layer in layers]


def test_numbers_are_scaled_to_what_they_stand_for() -> None:
    pixels = torch.arange(256).float()
    assert torch.equal(Scaling()(pixels), pixels / 255)
    signed = Scaling(Quantization(datatype="INT8", scale=0.25, zero_point=-2))
    assert signed(torch.tensor([-128.0, -2.0, 127.0])).tolist() == [-31.5, 0.0, 32.25]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [0, 4])
@pytest.mark.parametrize("name", [*NETWORKS, "every kind of layer"])
def test_modules_have_the_declared_shapes_and_learn(name: str, bits: int, channels: int) -> None:
    """Whatever is planned with, the module has it; a step of Brevitas' own moves every weight."""
    network: Network | None = NETWORKS.get(name)
    architecture = network.architecture if network else EVERY_KIND
    torch.manual_seed(0)
    image = (channels, 32, 32)
    weights, acts = (bits,) * architecture.weighted(), (bits,) * architecture.activations()
    module = build(architecture, image, 10, weights, acts, dropout=0.0)
    declared = architecture.shapes(image, 10)
    assert weights_of(module) == [(layer.outputs, layer.inputs) for layer in declared]

    images = torch.randint(0, 256, (4, *architecture.input_shape(image)), dtype=torch.uint8)
    before = copy.deepcopy(module)
    data = Split(images, torch.tensor([0, 3, 5, 9]))
    learner = Learner(Autograd(module), data, 0.01, torch.device("cpu"))
    learner.step(torch.arange(4))
    assert module.eval()(images.float()).shape == (4, 10)
    moved = [
        not torch.equal(old, new)
        for old, new in zip(before.parameters(), module.parameters(), strict=True)
        if old.ndim > 1
    ]
    assert len(moved) == len(declared)
    assert all(moved)


def test_a_step_by_autograd_is_that_of_plain_adam() -> None:
    torch.manual_seed(0)
    bits = (4,) * EVERY_KIND.weighted(), (4,) * EVERY_KIND.activations()
    module = build(EVERY_KIND, (1, 16, 16), 10, *bits, dropout=0.0)
    plain = copy.deepcopy(module)
    images, labels = torch.randint(0, 256, (20, 1, 16, 16)), torch.arange(20) % 10
    learner = Learner(
        Autograd(module), Split(images.to(torch.uint8), labels), 0.01, torch.device("cpu")
    )
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.01, foreach=False, fused=False)
    for _ in range(2):  # the second shows that gradients are not summed up
        learner.step(torch.arange(20))
        optimizer.zero_grad()
        functional.cross_entropy(plain.train()(images.float()), labels).backward()
        optimizer.step()
    wanted, ours = (nn.utils.parameters_to_vector(made.parameters()) for made in (plain, module))
    assert torch.quantile((wanted - ours).abs(), 0.99) < 1e-5
