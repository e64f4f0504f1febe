"""A network's step of learning, with Brevitas' arithmetic and little of its Python.

Brevitas builds a quantizer out of a dozen small modules, so that any part can be exchanged, and
autograd keeps a record of every small operation: in a small network, both take longer than the
arithmetic. A `Twin` has the same parameters, the same values and the same gradients, but each layer
differentiates itself, and all parameters lie in one vector, which is one tensor to the optimizer.
The tests hold it against Brevitas and autograd at every bit width; what is evaluated, stored and
exported is always Brevitas' own network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import torch
from brevitas import nn as qnn
from torch import nn
from torch.nn import functional

from train_worker.networks import ScalePixels

LEAST_SCALE = 1e-10
"""Below this, Brevitas keeps the magnitude that a weight's scale is taken from."""

DROPOUT_LEVELS = 2**16


class UnknownLayerError(Exception):
    """A kind of layer that has no twin; autograd differentiates all kinds."""


class Twin:
    """Learns in place of a network, which sees all of it.

    Args:
        network: Its parameters become parts of `vector`, their gradients of `vector.grad`.

    Attributes:
        network: As given.
        vector: Every parameter, one after another, float [P].
        recordable: Whether a CUDA graph of a step gives the same values.

    Raises:
        UnknownLayerError: `network`, left as it was, holds a kind of layer that has no twin.
    """

    recordable = True

    def __init__(self, network: nn.Module) -> None:
        assert isinstance(network, nn.Sequential)
        for layer in network:
            _twin(layer)
        self.network = network
        self.vector = join(network.parameters())
        self._layers = [_twin(layer) for layer in network]
        self._first = [bool(list(layer.parameters())) for layer in network].index(True)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The logits of a batch in training, [N, classes] of float [N, F]."""
        values = pixels
        for layer in self._layers:
            values = layer.forward(values)
        return values

    def backward(self, gradient: torch.Tensor) -> None:
        """Fill `vector.grad`, given the gradient of the logits that `forward` returned last."""
        for layer in reversed(self._layers[self._first + 1 :]):
            gradient = layer.backward(gradient)
        self._layers[self._first].learn(gradient)
        parts = [part.reshape(-1) for layer in self._layers for part in layer.gradients]
        torch.cat(parts, out=self.vector.grad)


def join(parameters: Iterable[nn.Parameter]) -> nn.Parameter:
    """Move parameters into one vector, of which they then are parts, as are their gradients."""
    parts = list(parameters)
    vector = nn.Parameter(torch.cat([part.detach().reshape(-1) for part in parts]))
    vector.grad = torch.zeros_like(vector)
    sizes = [part.numel() for part in parts]
    values, gradients = vector.detach().split(sizes), vector.grad.split(sizes)
    for part, value, gradient in zip(parts, values, gradients, strict=True):
        part.data, part.grad = value.view(part.shape), gradient.view(part.shape)
    return vector


def _twin(layer: nn.Module) -> Layer:
    if isinstance(layer, nn.Linear) and layer.bias is None:
        return LeanQuantLinear(layer) if isinstance(layer, qnn.QuantLinear) else LeanLinear(layer)
    if isinstance(layer, qnn.QuantHardTanh):
        return LeanActivation(layer)
    if isinstance(layer, nn.Hardtanh):
        return LeanHardTanh(layer.min_val, layer.max_val)
    if isinstance(layer, nn.BatchNorm1d) and layer.momentum is not None:
        return LeanNormalization(layer, layer.momentum)
    if isinstance(layer, nn.Dropout):
        return LeanDropout(layer.p)
    if isinstance(layer, ScalePixels):
        return LeanPixels(layer)
    raise UnknownLayerError(str(layer))


class Layer(ABC):
    """A layer in training that differentiates itself: `forward`, then `backward` or `learn`.

    Attributes:
        gradients: Of its parameters, in their order.
    """

    gradients: Sequence[torch.Tensor] = ()

    @abstractmethod
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's values; keeps what their gradient needs."""

    @abstractmethod
    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient of `x`, from that of what `forward` returned last; fills `gradients`."""

    def learn(self, gradient: torch.Tensor) -> None:
        """Only fill `gradients`, where nothing before the layer learns."""
        self.backward(gradient)


class LeanPixels(Layer):
    """`ScalePixels`."""

    def __init__(self, layer: ScalePixels) -> None:
        self._layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        scaled: torch.Tensor = self._layer(x)
        return scaled

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        return gradient / self._layer.divisor


class LeanDropout(Layer):
    """`Dropout` from one 64-bit random number for four values.

    The probability is met to within 2**-17. Drawing a random number for each value takes as long
    as half of all the rest of a step.
    """

    def __init__(self, probability: float) -> None:
        self._dropped = round(probability * DROPOUT_LEVELS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x`, some of it 0 and the rest larger to make up for it."""
        draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        draws.random_(-(2**63), None)
        levels = draws.view(torch.int16)[: x.numel()].view(x.shape)
        # In place on floats, as a comparison that gives booleans takes ten times as long.
        kept = levels.to(x.dtype).ge_(self._dropped - DROPOUT_LEVELS // 2)
        self._factors = kept.mul_(DROPOUT_LEVELS / (DROPOUT_LEVELS - self._dropped))
        return x * self._factors

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        return gradient * self._factors


class LeanLinear(Layer):
    """`Linear` without a bias."""

    def __init__(self, layer: nn.Linear) -> None:
        self._weight = layer.weight.detach()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, outputs] of [N, inputs]."""
        self._x = x
        self._used = self._quantize()
        return functional.linear(x, self._used)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        self.learn(gradient)
        return gradient @ self._used

    def learn(self, gradient: torch.Tensor) -> None:
        """See `Layer`."""
        self.gradients = (self._through_quantizer(gradient.t() @ self._x),)

    def _quantize(self) -> torch.Tensor:
        """The weights that are used, [outputs, inputs]."""
        return self._weight

    def _through_quantizer(self, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient of the weights, from that of the weights used, which it may overwrite."""
        return gradient


class LeanQuantLinear(LeanLinear):
    """`QuantLinear`: signed weights in narrow range, scaled by the largest magnitude.

    They are whole multiples of the largest magnitude / `limit`, in all or for each output. The
    gradient passes the rounding as if it were not there; the largest weights get that of the scale.
    """

    def __init__(self, layer: qnn.QuantLinear) -> None:
        super().__init__(layer)
        quantizer = layer.weight_quant.tensor_quant
        self._limit = float(2 ** (int(quantizer.msb_clamp_bit_width_impl()) - 1) - 1)
        statistics = quantizer.scaling_impl.parameter_list_stats.stats.stats_impl
        per_channel = statistics.stats_reduce_dim is not None
        self._rows = self._weight if per_channel else self._weight.view(1, -1)

    def _quantize(self) -> torch.Tensor:
        magnitudes = self._rows.abs()
        largest = magnitudes.amax(dim=1, keepdim=True)
        self._is_largest = magnitudes.eq_(largest)
        scale = largest.clamp_min_(LEAST_SCALE).div_(self._limit)
        levels = self._rows / scale
        whole = levels.round()
        self._excess = levels.sub_(whole)
        return whole.mul_(scale).view_as(self._weight)

    def _through_quantizer(self, gradient: torch.Tensor) -> torch.Tensor:
        rows = gradient.view_as(self._rows)
        of_scale = (rows * self._excess).sum(dim=1, keepdim=True).div_(-self._limit)
        share = of_scale.div_(self._is_largest.sum(dim=1, keepdim=True))
        rows.addcmul_(self._is_largest * self._rows.sign(), share)
        return gradient


class LeanHardTanh(Layer):
    """`Hardtanh`."""

    def __init__(self, least: float, most: float) -> None:
        self._range = (least, most)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        self._x = x
        return functional.hardtanh(x, *self._range)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        passed: torch.Tensor = torch.ops.aten.hardtanh_backward(gradient, self._x, *self._range)
        return passed


class LeanActivation(Layer):
    """`QuantHardTanh`: signed, its scale learned.

    The values are whole multiples of |threshold| / `limit`, clamped. The gradient passes the
    rounding, but not the clamping.
    """

    def __init__(self, layer: qnn.QuantHardTanh) -> None:
        quantizer = layer.act_quant.fused_activation_quant_proxy.tensor_quant
        self._threshold = quantizer.scaling_impl.value.detach()
        self._limit = float(2 ** (int(quantizer.msb_clamp_bit_width_impl()) - 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        scale = self._threshold.abs().div_(self._limit)
        levels = x / scale
        whole = levels.round()
        clamped = whole.clamp(-self._limit, self._limit - 1)
        self._inside = whole.eq_(clamped)
        self._of_scale = torch.sub(clamped, levels.mul_(self._inside))
        return clamped.mul_(scale)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        of_scale = (gradient * self._of_scale).sum()
        self.gradients = (of_scale * self._threshold.sign() / self._limit,)
        return gradient * self._inside


class LeanNormalization(Layer):
    """`BatchNorm1d`."""

    def __init__(self, layer: nn.BatchNorm1d, momentum: float) -> None:
        self._weight, self._bias = layer.weight.detach(), layer.bias.detach()
        self._statistics = (layer.running_mean, layer.running_var)
        self._batches = layer.num_batches_tracked
        self._momentum, self._epsilon = momentum, layer.eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        self._batches.add_(1)
        self._x = x
        values, *self._of_batch = torch.native_batch_norm(
            x, self._weight, self._bias, *self._statistics, True, self._momentum, self._epsilon
        )
        return values

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        of_x: torch.Tensor
        of_x, *self.gradients = torch.ops.aten.native_batch_norm_backward(
            gradient, self._x, self._weight, *self._statistics, *self._of_batch,
            True, self._epsilon, [True, True, True],
        )  # fmt: skip
        return of_x
