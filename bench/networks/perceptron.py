"""What the fully connected networks of the paper and of FINN have in common."""

from __future__ import annotations

from contract.architecture import (
    CLASSES,
    Architecture,
    BatchNorm,
    Dropout,
    HardTanh,
    Layer,
    Linear,
    ScalePixels,
)


def perceptron(*widths: int) -> Architecture:
    """A multilayer perceptron with hidden layers of `widths`, for flat arrays [N, F].

    As in the authors' QuantTFC (GitHub QDucasse/nn_benchmark), a batch normalization follows the
    last layer too. Other than there, the activations' scale is learned and no quantizer precedes
    the first layer.
    """
    layers: list[Layer] = [ScalePixels(), Dropout()]
    for width in widths:
        layers += [Linear(width), BatchNorm(), HardTanh(), Dropout()]
    layers += [Linear(CLASSES, per_channel=False), BatchNorm()]
    return Architecture(flat=True, layers=tuple(layers))
