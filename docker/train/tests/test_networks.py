"""What the networks are made of."""

from __future__ import annotations

import pytest
import torch
from brevitas import nn as qnn

from stagekit import StageError
from train_worker.networks import NetworkSpec, build


def spec(
    name: str = "TFC", bits: int = 2, weights: tuple[int, ...] = (), acts: tuple[int, ...] = ()
) -> NetworkSpec:
    """A small network."""
    weights, acts = weights or (bits,) * 4, acts or (bits,) * 3
    return NetworkSpec(name, inputs=64, classes=4, weight_bits=weights, act_bits=acts, dropout=0.2)


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_weights_and_activations_take_no_more_levels_than_their_bits_allow(bits: int) -> None:
    torch.manual_seed(0)
    network = build(spec(bits=bits)).eval()
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
    torch.manual_seed(0)
    network = build(spec(weights=(8, 2, 3, 4), acts=(5, 2, 3))).eval()
    linears = [layer for layer in network.modules() if isinstance(layer, qnn.QuantLinear)]
    found = [int(layer.quant_weight().int().abs().max()) for layer in linears]
    assert found == [127, 1, 3, 7]
    activations = [layer for layer in network.modules() if isinstance(layer, qnn.QuantHardTanh)]
    sweep = torch.linspace(-3, 3, 5001)
    assert [len(layer(sweep).unique()) for layer in activations] == [32, 4, 8]


def test_a_network_without_quantizers_is_an_ordinary_one() -> None:
    kinds = {type(layer) for layer in build(spec(weights=(0,) * 4, acts=(0,) * 3)).modules()}
    assert torch.nn.Linear in kinds
    assert torch.nn.Hardtanh in kinds
    assert not kinds & {qnn.QuantLinear, qnn.QuantHardTanh}


def test_scale_is_per_channel_but_in_the_last_layer() -> None:
    network = build(spec())
    linears = [layer for layer in network.modules() if isinstance(layer, qnn.QuantLinear)]
    scales = [layer.quant_weight().scale.numel() for layer in linears]
    assert scales == [64, 64, 64, 1]


def test_unknown_network_names_the_nearest() -> None:
    with pytest.raises(StageError, match="no network 'TFK'") as caught:
        build(spec(name="TFK"))
    assert "Did you mean 'TFC'" in caught.value.remedy
