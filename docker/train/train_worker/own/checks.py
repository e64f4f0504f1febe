"""What a network of the user's has to be like, looked at before it is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from brevitas.nn.quant_layer import (
    QuantNonLinearActLayer,
    QuantWeightBiasInputOutputLayer,
)
from torch import nn
from torch.nn.parameter import UninitializedParameter

from contract.stages.network import Widths
from contract.text import counted, listed
from stagekit import StageError
from train_worker.own.blame import blamed
from train_worker.own.order import Order

IMAGES = 4
WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd)
WHOLE = "the network"
"""What is said of a network that is one layer."""
SHOWN = 4
"""Layers that a message names."""
QUANTIZED = "brevitas.nn.QuantLinear, QuantConv2d and the like"


def check(order: Order, made: Callable[[Order], nn.Module]) -> None:
    """Build the network twice, and run it on a few random images.

    Raises:
        StageError: It is not such as can be trained; the message says why.
    """
    state = torch.get_rng_state()
    network = made(order)
    torch.set_rng_state(state)
    _check_parameters(order, network)
    _check_same(order, network, made(order))
    _check_bits(order, network)
    _check_logits(order, network)


def _check_parameters(order: Order, network: nn.Module) -> None:
    for name, part in network.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            what = WHOLE if _plain(name) == WHOLE else f"layer '{_plain(name)}'"
            raise _refused(
                order,
                f"{what} is compiled by torch.jit, and cannot be looked into.",
                "Return modules as they are written.",
            )
    parameters = dict(network.named_parameters(prefix=""))
    if not any(parameter.requires_grad for parameter in parameters.values()):
        raise _refused(order, "the network has no parameters to train.", "Give it some.")
    for name, parameter in parameters.items():
        if isinstance(parameter, UninitializedParameter):
            what = f"{_parameter(name)} has no shape yet, as that of a lazy layer."
            raise _refused(order, what, "Say how many inputs the layer has.")
        if parameter.dtype != torch.float32 or parameter.device.type != "cpu":
            what = f"{_parameter(name)} is {parameter.dtype} on {parameter.device}."
            raise _refused(order, what, "Leave parameters as torch makes them: float32 on the cpu.")


def _check_same(order: Order, network: nn.Module, again: nn.Module) -> None:
    first, second = network.state_dict(), again.state_dict()
    differ = first.keys() ^ second.keys()
    differ |= {n for n in first.keys() & second.keys() if not torch.equal(first[n], second[n])}
    if differ:
        raise _refused(
            order,
            f"built twice from one seed, {_parameter(min(differ))} differs.",
            "Draw random numbers from torch's own generator, and depend on no clock and no file.",
        )


def _check_bits(order: Order, network: nn.Module) -> None:
    """Some layers have the widths asked for: else a result would be called what it is not."""
    weights, acts = dict(_weights(network)), dict(_activations(network))
    plain = [name for name, bits in weights.items() if bits == 0]
    if order.weight_bits != 0 and plain:
        raise _refused(
            order,
            f"weight_bits is {_text(order.weight_bits)}, but the weights of {_layers(plain)} are "
            "not quantized.",
            f"Use {QUANTIZED}.",
        )
    for field, asked, found in (
        ("weight_bits", order.weight_bits, weights),
        ("act_bits", order.act_bits, acts),
    ):
        widths = {bits for bits in (asked if isinstance(asked, tuple) else (asked,)) if bits}
        there = {bits for bits in found.values() if bits}
        if found and not (widths <= there if widths else not there):
            said = ", ".join(f"'{name}': {bits}" for name, bits in [*found.items()][:SHOWN])
            more = ", ..." if len(found) > SHOWN else ""
            raise _refused(
                order,
                f"{field} is {_text(asked)}, but the bit widths are others ({said}{more}).",
                f"Make {order.code.function} use the {field} that it is given; 0 means that "
                "nothing is quantized.",
            )


def _check_logits(order: Order, network: nn.Module) -> None:
    """In training and after it, on images as the data set has them."""
    low, high = order.quantization.bounds
    images = torch.randint(low, high + 1, (IMAGES, *order.input_shape)).float()
    logits = _run(order, network.train(), images)
    with blamed(order.code, "when gradients are computed"):
        logits.sum().backward()
    with torch.no_grad():
        first, second = (_run(order, network.eval(), images) for _ in range(2))
    if not torch.equal(first, second):
        raise _refused(
            order,
            "the network gives other logits for the same images, after training too.",
            "Be random in training only: see torch.nn.Module.training.",
        )


def _run(order: Order, network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    shape = _shape(images)
    with blamed(order.code, f"given images of shape {shape}"):
        logits = network(images)
    if not isinstance(logits, torch.Tensor):
        what = f"given images, the network returns {type(logits).__name__}, no tensor."
        raise _refused(order, what, "Return the logits only.")
    wanted = (len(images), order.classes)
    if logits.shape != wanted:
        raise _refused(
            order,
            f"given images of shape {shape}, the network returns {_shape(logits)}, "
            f"not {list(wanted)}: one logit per class.",
            f"The data set has {counted(order.classes, 'class', 'classes')}; "
            f"{order.code.function} may ask for `classes`.",
        )
    if not torch.isfinite(logits).all():
        raise _refused(order, "the logits are not finite.", "Images are numbers from 0 to 1.")
    if network.training and not logits.requires_grad:
        raise _refused(
            order, "the logits do not depend on any parameter.", "Detach nothing that is to learn."
        )
    return logits


def _weights(network: nn.Module) -> Iterator[tuple[str, int]]:
    """Name and bit width of each layer's weights; 0 where they are not quantized."""
    for name, layer in network.named_modules():
        if isinstance(layer, QuantWeightBiasInputOutputLayer):
            yield _plain(name), _bits(layer.weight_quant)
        elif isinstance(layer, WEIGHTED):
            yield _plain(name), 0


def _activations(network: nn.Module) -> Iterator[tuple[str, int]]:
    for name, layer in network.named_modules():
        if isinstance(layer, QuantNonLinearActLayer):
            yield _plain(name), _bits(layer.act_quant)


def _bits(quantizer: nn.Module) -> int:
    return int(quantizer.bit_width()) if quantizer.is_quant_enabled else 0


def _refused(order: Order, what: str, remedy: str) -> StageError:
    return StageError(f"{order.code.file}: {what}", remedy)


def _plain(name: str) -> str:
    """A name as the user's own network has it."""
    return WHOLE if name == "network" else name.removeprefix("network.")


def _parameter(name: str) -> str:
    return f"the parameter '{_plain(name)}'"


def _layers(names: list[str]) -> str:
    """Such as "layer '0'", "layers '0' and 'head.fc'"."""
    if names == [WHOLE]:
        return WHOLE
    shown = [f"'{name}'" for name in names[:SHOWN]]
    shown += [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return f"layer{'s' if len(names) > 1 else ''} {listed(shown)}"


def _text(bits: Widths) -> str:
    return str(list(bits) if isinstance(bits, tuple) else bits)


def _shape(tensor: torch.Tensor) -> str:
    return str(list(tensor.shape))
