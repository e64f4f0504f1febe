"""Records of layers: what they are called, what they take and give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from math import prod
from typing import ClassVar

Shape = tuple[int, ...]
"""Of one array without its batch: (channels, height, width), or (features,)."""
CLASSES = None
"""As the outputs of a layer: as many as the data set has classes."""


class ArchitectureError(ValueError):
    """A network's declaration is not valid; the message says which layer, and why."""


@dataclass(frozen=True)
class LayerShape:
    """A layer with weights, as the matrix product that computes it in hardware.

    Attributes:
        inputs: Columns of the matrix (MW): inputs, or kernel elements of all input channels; of a
            depthwise convolution, kernel elements of one channel.
        outputs: Rows of the matrix (MH): outputs, or output channels.
        pixels: Products per image: output pixels of a convolution.
        kernel: Height and width of the convolution's kernel.
        name: Unique in its network: conv1, conv2, fc1.
        depthwise: Whether each output has an input channel of its own.
        image: Height and width of what the kernel slides over, with its padding.
        stride: Pixels from one window to the next.
        padding: Pixels of zeros on each side.
        fork: Number of the `Residual` around it of which both paths have weights, from 1: hardware
            may have its layers in another order. 0 where there is none.
        residual: Whether a `Residual` is around it, whose sum has an activation of its own.
    """

    inputs: int
    outputs: int
    pixels: int = 1
    kernel: int = 1
    name: str = ""
    depthwise: bool = False
    image: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: int = 0
    fork: int = 0
    residual: bool = False


@dataclass(frozen=True)
class Layer:
    """A layer of a network.

    Attributes:
        kind: Name of its class.
    """

    weighted: ClassVar[bool] = False
    activation: ClassVar[bool] = False
    prefix: ClassVar[str] = ""
    least: ClassVar[Mapping[str, int]] = {}
    """The smallest value of each field that holds whole numbers."""

    kind: str = field(init=False)

    def __post_init__(self) -> None:
        """Set `kind`; raise `ArchitectureError` for a value that is not a number or too small."""
        object.__setattr__(self, "kind", type(self).__name__)
        for name, least in self.least.items():
            value = getattr(self, name)
            if name == "outputs" and value is CLASSES:
                continue
            if type(value) is not int or value < least:
                raise ArchitectureError(f"{self.kind}: {name} is {value!r}, not {least} or more")

    def output(self, shape: Shape, classes: int) -> Shape:  # noqa: ARG002
        """Shape of the layer's values for inputs of `shape`; raises `ArchitectureError`."""
        return shape

    def matrix(self, shape: Shape, classes: int) -> LayerShape:
        """The layer as a matrix product, of those that are `weighted`."""
        raise NotImplementedError


@dataclass(frozen=True)
class ScalePixels(Layer):
    """Maps 0..255 to 0..1, so that an exported model takes 8-bit images as they are."""


@dataclass(frozen=True)
class Dropout(Layer):
    """Dropout with the probability that the training asks for."""


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalization of features or channels."""


@dataclass(frozen=True)
class HardTanh(Layer):
    """Signed activation whose range starts as -1..1 and is learned where it is quantized.

    At 1 bit, this and `ReLU` are -1 or +1.
    """

    activation: ClassVar[bool] = True


@dataclass(frozen=True)
class ReLU(Layer):
    """Unsigned activation whose range starts as 0..6 and is learned where it is quantized."""

    activation: ClassVar[bool] = True


@dataclass(frozen=True)
class Linear(Layer):
    """A fully connected layer without bias.

    Attributes:
        outputs: How many; `CLASSES` for one per class.
        per_channel: Whether each output has its own weight scale.
    """

    weighted: ClassVar[bool] = True
    prefix: ClassVar[str] = "fc"
    least: ClassVar[Mapping[str, int]] = {"outputs": 1}

    outputs: int | None
    _: KW_ONLY
    per_channel: bool = True

    def output(self, shape: Shape, classes: int) -> Shape:
        """See `Layer`."""
        if len(shape) != 1:
            raise ArchitectureError(
                f"Linear takes features, not {as_text(shape)}: put Flatten before"
            )
        return (self.outputs or classes,)

    def matrix(self, shape: Shape, classes: int) -> LayerShape:
        """See `Layer`."""
        (outputs,) = self.output(shape, classes)
        return LayerShape(shape[0], outputs)


@dataclass(frozen=True)
class _Window(Layer):
    """A layer that slides a square window over an image.

    Attributes:
        kernel: Height and width of the window.
        stride: Pixels from one window to the next.
        padding: Pixels of zeros added on each side.
    """

    least: ClassVar[Mapping[str, int]] = {"kernel": 1, "stride": 1, "padding": 0}

    _: KW_ONLY
    kernel: int
    stride: int = 1
    padding: int = 0

    def output(self, shape: Shape, classes: int) -> Shape:  # noqa: ARG002
        """See `Layer`."""
        channels, *size = _image(self, shape)
        windows = [(side + 2 * self.padding - self.kernel) // self.stride + 1 for side in size]
        if min(windows) < 1:
            raise ArchitectureError(f"{self.kind}: kernel {self.kernel} exceeds {as_text(shape)}")
        return channels, *windows

    def _product(self, inputs: int, shape: Shape, classes: int) -> LayerShape:
        """The matrix product of `inputs` values for each window."""
        channels, height, width = self.output(shape, classes)
        rows, columns = (side + 2 * self.padding for side in shape[1:])
        return LayerShape(
            inputs,
            channels,
            height * width,
            self.kernel,
            image=(rows, columns),
            stride=self.stride,
            padding=self.padding,
        )


@dataclass(frozen=True)
class MaxPool(_Window):
    """The maximum of each window."""


@dataclass(frozen=True)
class AveragePool(_Window):
    """The mean of each window."""


@dataclass(frozen=True)
class DepthwiseConv2d(_Window):
    """A convolution of each channel by itself, without bias.

    Attributes:
        per_channel: Whether each channel has its own weight scale.
    """

    weighted: ClassVar[bool] = True
    prefix: ClassVar[str] = "depthwise"

    _: KW_ONLY
    per_channel: bool = True

    def matrix(self, shape: Shape, classes: int) -> LayerShape:
        """See `Layer`."""
        return replace(self._product(self.kernel**2, shape, classes), depthwise=True)


@dataclass(frozen=True)
class Conv2d(_Window):
    """A convolution without bias.

    Attributes:
        channels: Output channels.
        per_channel: Whether each output channel has its own weight scale.
    """

    weighted: ClassVar[bool] = True
    prefix: ClassVar[str] = "conv"
    least: ClassVar[Mapping[str, int]] = {**_Window.least, "channels": 1}

    channels: int
    _: KW_ONLY
    per_channel: bool = True

    def output(self, shape: Shape, classes: int) -> Shape:
        """See `Layer`."""
        return self.channels, *super().output(shape, classes)[1:]

    def matrix(self, shape: Shape, classes: int) -> LayerShape:
        """See `Layer`."""
        return self._product(shape[0] * self.kernel**2, shape, classes)


@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """The mean of each channel, of one pixel."""

    def output(self, shape: Shape, classes: int) -> Shape:  # noqa: ARG002
        """See `Layer`."""
        return _image(self, shape)[0], 1, 1


@dataclass(frozen=True)
class Flatten(Layer):
    """From an image to features, channel by channel."""

    def output(self, shape: Shape, classes: int) -> Shape:  # noqa: ARG002
        """See `Layer`."""
        return (prod(shape),)


@dataclass(frozen=True)
class Residual(Layer):
    """The sum of two paths from one input, whose ends are quantized alike.

    The quantizer that both ends share counts as an activation: its range starts as -3..3 and is
    learned. FINN adds integers, which stand for numbers of one scale.

    Attributes:
        branch: Layers of the first path.
        shortcut: Layers of the second; none pass the input as it is.
    """

    activation: ClassVar[bool] = True

    branch: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()

    def output(self, shape: Shape, classes: int) -> Shape:
        """See `Layer`."""
        branch, shortcut = (_output(p, shape, classes) for p in (self.branch, self.shortcut))
        if branch != shortcut:
            raise ArchitectureError(
                f"Residual: its branch gives {as_text(branch)}, its shortcut {as_text(shortcut)}"
            )
        return branch


KINDS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        ScalePixels, Dropout, BatchNorm, HardTanh, ReLU, Linear, Conv2d, DepthwiseConv2d,
        MaxPool, AveragePool, GlobalAveragePool, Flatten, Residual,
    )
}  # fmt: skip


def leaves(layers: Iterable[Layer]) -> Iterator[Layer]:
    """`layers`, those inside a `Residual` before it."""
    for layer in layers:
        if isinstance(layer, Residual):
            yield from leaves((*layer.branch, *layer.shortcut))
        yield layer


def _output(layers: Iterable[Layer], shape: Shape, classes: int) -> Shape:
    for layer in layers:
        shape = layer.output(shape, classes)
    return shape


def _image(layer: Layer, shape: Shape) -> Shape:
    if len(shape) != 3:
        raise ArchitectureError(f"{layer.kind} takes an image, not {as_text(shape)}")
    return shape


def as_text(shape: Shape) -> str:
    """Such as `3x32x32` or `784 features`."""
    return "x".join(map(str, shape)) + (" features" if len(shape) == 1 else "")
