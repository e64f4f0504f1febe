"""The lean twin of a network against Brevitas and autograd."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

import conftest  # noqa: F401  (the path to what follows)
from bench.networks.tfc import NETWORK
from contract.stages.dataset import PIXELS, Quantization
from train_worker.data import Split
from train_worker.lean import LeanDropout, Twin, UnknownLayerError
from train_worker.networks import build
from train_worker.steps import Learner, cross_entropy

FEATURES, CLASSES, IMAGES = 64, 10, 100
CPU = torch.device("cpu")
BITS = (1, 2, 3, 4, 5, 6, 7, 8)

# The gradients are sums of thousands of float32 terms, added in another order; that of a threshold
# is what is left where they cancel.
GRADIENT_TOLERANCE = 1e-5
CANCELLED = 1e-7


def network(
    weight_bits: tuple[int, ...],
    act_bits: tuple[int, ...],
    dropout: float = 0.0,
    images: Quantization = PIXELS,
) -> nn.Module:
    """A network whose normalization has been learning for a while."""
    torch.manual_seed(3)
    shape = (1, 8, 8)
    made = build(NETWORK.architecture, shape, CLASSES, weight_bits, act_bits, dropout, images)
    with torch.no_grad():
        for module in made:
            if isinstance(module, nn.BatchNorm1d):
                module.weight.uniform_(0.5, 2.0)
                module.bias.uniform_(-0.5, 0.5)
    return made


def batch(seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (IMAGES, FEATURES), generator=generator)
    return images.float(), torch.randint(0, CLASSES, (IMAGES,), generator=generator)


def autograd(original: nn.Module) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The logits of a batch, and the gradient of every parameter."""
    images, labels = batch()
    logits = original.train()(images)
    functional.cross_entropy(logits, labels).backward()
    return logits.detach(), [p.grad for p in original.parameters() if p.grad is not None]


def learned(twin: Twin) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The same by the twin, as its network sees it."""
    images, labels = batch()
    logits = twin.forward(images)
    loss, gradient = cross_entropy(logits, labels)
    assert loss == functional.cross_entropy(logits, labels)
    twin.backward(gradient)
    return logits, [p.grad for p in twin.network.parameters() if p.grad is not None]


def assert_same(original: nn.Module) -> None:
    copied = copy.deepcopy(original)
    logits, wanted = autograd(original)
    lean_logits, found = learned(Twin(copied))
    assert torch.equal(lean_logits, logits), "the values differ"
    assert len(found) == len(wanted) == len(list(original.parameters()))
    for ours, theirs in zip(found, wanted, strict=True):
        assert (ours - theirs).norm() <= GRADIENT_TOLERANCE * theirs.norm() + CANCELLED
    for ours, theirs in zip(copied.buffers(), original.buffers(), strict=True):
        assert torch.equal(ours, theirs), "the statistics differ"


def test_numbers_that_stand_for_others_than_pixels() -> None:
    assert_same(network((4,) * 4, (4,) * 3, images=Quantization(scale=0.3, zero_point=7)))


@pytest.mark.parametrize(("weight_bits", "act_bits"), [*itertools.product(BITS, BITS)])
def test_every_precision(weight_bits: int, act_bits: int) -> None:
    """The values are Brevitas' to the last bit, the gradients to rounding."""
    assert_same(network((weight_bits,) * 4, (act_bits,) * 3))


@pytest.mark.parametrize("bits", [0, 16, 32])
def test_references(bits: int) -> None:
    assert_same(network((bits,) * 4, (bits,) * 3))


def test_mixed_precision() -> None:
    assert_same(network((2, 8, 0, 1), (3, 0, 1)))


def test_threshold_far_from_where_it_began() -> None:
    """Much is clamped, one activation's learned range is negative, one is tiny."""
    original = network((4,) * 4, (3,) * 3)
    with torch.no_grad():
        for name, parameter in original.named_parameters():
            if name.endswith("scaling_impl.value"):
                parameter.fill_({"4": 0.3, "8": -0.7, "12": 0.05}[name.split(".")[0]])
    assert_same(original)


def test_weights_of_nothing() -> None:
    """A layer whose weights are all zero keeps a scale above zero, as Brevitas' does."""
    original = network((4,) * 4, (4,) * 3)
    with torch.no_grad():
        next(original.parameters()).zero_()
    images, _ = batch()
    assert torch.equal(Twin(copy.deepcopy(original)).forward(images), original.train()(images))


def test_network_learns_what_the_twin_learns() -> None:
    """Parameters and statistics of the network are the twin's, and evaluation sees them."""
    images, labels = batch()
    original = network((4,) * 4, (4,) * 3)
    before = copy.deepcopy(original)
    learner = Learner(Twin(original), Split(images.to(torch.uint8), labels), 0.01, CPU)
    for _ in range(30):
        learner.step(torch.arange(IMAGES))
    for old, new in zip(before.state_dict().items(), original.state_dict().items(), strict=True):
        assert old[0] == new[0]
        assert not torch.equal(old[1], new[1]), old[0]
    first, last = (
        functional.cross_entropy(made.eval()(images), labels).item() for made in (before, original)
    )
    assert last < first / 2


@pytest.mark.parametrize("bits", [0, 4])
def test_steps_are_those_of_adam_and_autograd(bits: int) -> None:
    """Torch's plain Adam, one parameter at a time, through Brevitas and autograd."""
    images, labels = batch()
    original = network((bits,) * 4, (bits,) * 3)
    copied = copy.deepcopy(original)
    optimizer = torch.optim.Adam(original.parameters(), lr=0.01, foreach=False, fused=False)
    learner = Learner(Twin(copied), Split(images.to(torch.uint8), labels), 0.01, CPU)
    learner.step(torch.arange(IMAGES))
    autograd(original)
    # Adam's first step is the sign of a gradient: where that is rounding, it says nothing.
    clear = torch.cat([p.grad.abs().reshape(-1) > CANCELLED for p in original.parameters()])
    optimizer.step()
    wanted, found = (
        nn.utils.parameters_to_vector(made.parameters())[clear] for made in (original, copied)
    )
    assert clear.float().mean() > 0.99
    assert (wanted - found).abs().max() < 1e-6


def test_unknown_layer() -> None:
    with pytest.raises(UnknownLayerError, match="GELU"):
        Twin(nn.Sequential(nn.Linear(2, 2, bias=False), nn.GELU()))


def test_bias_is_unknown() -> None:
    with pytest.raises(UnknownLayerError, match="bias=True"):
        Twin(nn.Sequential(nn.Linear(2, 2)))


@pytest.mark.parametrize("probability", [0.1, 0.2, 0.5])
def test_dropout_keeps_the_mean(probability: float) -> None:
    torch.manual_seed(1)
    values = LeanDropout(probability).forward(torch.ones(1000, 1001))
    kept = values != 0
    deviation = (probability * (1 - probability) / values.numel()) ** 0.5
    assert abs((~kept).float().mean().item() - probability) < 5 * deviation + 2**-17
    assert values[kept].unique().numel() == 1
    assert values[kept][0].item() == pytest.approx(1 / (1 - probability), rel=1e-4)
    # No value decides for its neighbour, though they share a random number.
    both = (kept[:, :-1] & kept[:, 1:]).float().mean().item()
    assert both == pytest.approx((1 - probability) ** 2, abs=0.003)


def test_dropout_drops_the_gradient_too() -> None:
    dropout = LeanDropout(0.3)
    values = dropout.forward(torch.full((10, 10), 2.0))
    assert torch.equal(dropout.backward(torch.full((10, 10), 2.0)), values)


def test_no_dropout() -> None:
    values = torch.randn(10, 10)
    assert torch.equal(LeanDropout(0.0).forward(values), values)
