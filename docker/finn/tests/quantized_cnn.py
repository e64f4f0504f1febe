"""Small quantized convolutional networks for the tests: as QONNX, and computed by NumPy.

As in `quantized_mlp`, the graph is put together as Brevitas exports one: Div, then per layer Quant
(weights), Conv or MatMul, BatchNormalization, Relu and Quant (activations).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from quantized_mlp import EPSILON, PIXEL_MAX, Builder, as_float32

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Conv:
    """A convolution with BatchNorm; with a ReLU and a quantizer unless it ends a branch."""

    channels: int
    kernel: int = 3
    stride: int = 1
    pad: int = 0
    depthwise: bool = False


@dataclass(frozen=True)
class MaxPool:
    """A maximum over squares that do not overlap."""

    size: int = 2


@dataclass(frozen=True)
class GlobalPool:
    """The average over all pixels."""


@dataclass(frozen=True)
class Dense:
    """A fully connected layer with BatchNorm; the last one has no quantizer."""

    outputs: int


@dataclass(frozen=True)
class Residual:
    """Two branches that are added: `main`, and `skip` or what came in; both are quantized alike."""

    main: tuple[Conv, ...]
    skip: tuple[Conv, ...] = ()


Layer = Conv | MaxPool | GlobalPool | Dense | Residual

OF_MANY_KINDS = (
    Conv(channels=4),
    MaxPool(),
    Conv(channels=4, pad=1, depthwise=True),
    Conv(channels=6, kernel=1),
    GlobalPool(),
    Dense(4),
)


@dataclass
class QuantizedCNN:
    """Random weights, BatchNorm fitted to random images.

    Args:
        layers: From input to logits.
        shape: Of an image, [C, H, W].
        weight_bits: Narrow-range, signed.
        act_bits: Unsigned, after a ReLU.
        images_count: Golden images.
    """

    layers: tuple[Layer, ...]
    shape: tuple[int, int, int]
    weight_bits: int = 4
    act_bits: int = 4
    images_count: int = 20
    seed: int = 0
    images: npt.NDArray[np.uint8] = field(init=False)
    logits: Floats = field(init=False)
    model: ModelWrapper = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        # Smooth images: of noise, every window would look alike.
        coarse = rng.uniform(0, 255, (self.images_count, self.shape[0], 4, 4))
        factors = [-(-size // 4) for size in self.shape[1:]]
        large = coarse.repeat(factors[0], 2).repeat(factors[1], 3)
        noise = rng.normal(0, 20, large.shape)
        crop = (large + noise)[:, :, : self.shape[1], : self.shape[2]]
        self.images = np.clip(crop, 0, 255).astype(np.uint8)
        network = _Network(self, rng)
        self.logits, self.model = network.run()

    def export(self, folder: Path, test_images: int | None = None) -> Path:
        """Leave what the export stage leaves in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(str(folder / "model.onnx"))
        logits = self.logits.astype(np.float32)
        predictions = logits.argmax(axis=1)
        sets = {"images": self.images, "predictions": predictions}
        np.savez(folder / "golden.npz", logits=logits, **sets)
        chosen = np.arange(test_images or len(self.images)) % len(self.images)
        np.savez(
            folder / "test_set.npz",
            images=self.images[chosen],
            predictions=predictions[chosen],
            labels=predictions[chosen].astype(np.uint8),
        )
        return folder


class _Network:
    """Computes a network layer by layer, and builds its graph on the way."""

    def __init__(self, cnn: QuantizedCNN, rng: np.random.Generator) -> None:
        self.cnn, self.rng, self.builder = cnn, rng, Builder()
        self.values: Floats = cnn.images / PIXEL_MAX
        self.tensor = self.builder.node("Div", "images", self.builder.constant(PIXEL_MAX))

    def run(self) -> tuple[Floats, ModelWrapper]:
        for index, layer in enumerate(self.cnn.layers):
            last = index == len(self.cnn.layers) - 1
            if isinstance(layer, Conv):
                self._conv(layer)
                self._activate()
            elif isinstance(layer, MaxPool):
                self._max_pool(layer)
            elif isinstance(layer, GlobalPool):
                self.tensor = self.builder.node("GlobalAveragePool", self.tensor)
                self.values = self.values.mean(axis=(2, 3), keepdims=True)
            elif isinstance(layer, Residual):
                self._residual(layer)
            else:
                self._dense(layer)
                if not last:
                    self._activate()
        name, classes = "images", self.values.shape[1]
        graph = helper.make_graph(
            self.builder.nodes,
            "cnn",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *self.cnn.shape])],
            [helper.make_tensor_value_info(self.tensor, TensorProto.FLOAT, [1, classes])],
            self.builder.constants,
        )
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
        model = ModelWrapper(helper.make_model(graph, opset_imports=opsets, ir_version=8))
        model.set_tensor_datatype(name, DataType["UINT8"])
        return self.values, model

    def _weights(self, shape: tuple[int, ...]) -> tuple[str, Floats]:
        """The tensor of quantized weights, and their values."""
        weights = as_float32(self.rng.normal(size=shape))
        limit = 2 ** (self.cnn.weight_bits - 1) - 1
        most = np.abs(weights).max(axis=tuple(range(1, len(shape))), keepdims=True)
        scale = as_float32(most / limit)
        name = self.builder.quant(
            self.builder.constant(weights), scale, self.cnn.weight_bits, narrow=1
        )
        return name, np.clip(np.round(weights / scale), -limit, limit) * scale

    def _conv(self, layer: Conv) -> None:
        channels = self.values.shape[1]
        groups = channels if layer.depthwise else 1
        shape = (layer.channels, channels // groups, layer.kernel, layer.kernel)
        name, weights = self._weights(shape)
        self.tensor = self.builder.node(
            "Conv",
            self.tensor,
            name,
            kernel_shape=[layer.kernel] * 2,
            strides=[layer.stride] * 2,
            pads=[layer.pad] * 4,
            dilations=[1, 1],
            group=groups,
        )
        around = ((0, 0), (0, 0), (layer.pad, layer.pad), (layer.pad, layer.pad))
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(self.values, around), (layer.kernel, layer.kernel), axis=(2, 3)
        )[:, :, :: layer.stride, :: layer.stride]
        form = "nchwij,cij->nchw" if layer.depthwise else "nchwij,dcij->ndhw"
        self.values = np.einsum(
            form, windows, weights[:, 0] if layer.depthwise else weights, optimize=True
        )
        self._normalise()

    def _dense(self, layer: Dense) -> None:
        if self.values.ndim == 4:
            self.tensor = self.builder.node("Flatten", self.tensor, axis=1)
            self.values = self.values.reshape(len(self.values), -1)
        name, weights = self._weights((layer.outputs, self.values.shape[1]))
        turned = self.builder.node("Transpose", name, perm=[1, 0])
        self.tensor = self.builder.node("MatMul", self.tensor, turned)
        self.values = self.values @ weights.T
        self._normalise()

    def _normalise(self) -> None:
        axes = (0, 2, 3) if self.values.ndim == 4 else (0,)
        count = self.values.shape[1]
        mean = as_float32(self.values.mean(axis=axes))
        variance = as_float32(self.values.var(axis=axes) + 0.01)
        gain = as_float32(self.rng.choice([-1.0, 1.0], count) * self.rng.uniform(0.5, 1.5, count))
        offset = as_float32(self.rng.uniform(-0.5, 0.5, count))
        names = [self.builder.constant(item) for item in (gain, offset, mean, variance)]
        self.tensor = self.builder.node("BatchNormalization", self.tensor, *names, epsilon=EPSILON)
        shape = (-1, 1, 1) if self.values.ndim == 4 else (-1,)
        gain, offset, mean, variance = (
            item.reshape(shape) for item in (gain, offset, mean, variance)
        )
        self.values = (self.values - mean) / np.sqrt(variance + EPSILON) * gain + offset

    def _activate(self) -> None:
        self.tensor = self.builder.node("Relu", self.tensor)
        scale = float(np.float32(3.1 / 2**self.cnn.act_bits))
        self.tensor = self.builder.quant(self.tensor, scale, self.cnn.act_bits, signed=0)
        most = 2**self.cnn.act_bits - 1
        steps = np.clip(np.round(np.maximum(self.values, 0) / np.float32(scale)), 0, most)
        self.values = steps * np.float32(scale)

    def _quantize_branch(self, scale: float) -> None:
        self.tensor = self.builder.quant(self.tensor, scale, self.cnn.act_bits)
        half = 2 ** (self.cnn.act_bits - 1)
        steps = np.clip(np.round(self.values / np.float32(scale)), -half, half - 1)
        self.values = steps * np.float32(scale)

    def _max_pool(self, layer: MaxPool) -> None:
        self.tensor = self.builder.node(
            "MaxPool",
            self.tensor,
            kernel_shape=[layer.size] * 2,
            strides=[layer.size] * 2,
            pads=[0] * 4,
        )
        n, c, h, w = self.values.shape
        size, rows, columns = layer.size, h // layer.size, w // layer.size
        cut = self.values[:, :, : rows * size, : columns * size]
        self.values = cut.reshape(n, c, rows, size, columns, size).max(axis=(3, 5))

    def _residual(self, layer: Residual) -> None:
        start = self.tensor, self.values
        scale = float(np.float32(4.3 / 2**self.cnn.act_bits))
        ends: list[tuple[Any, Floats]] = []
        for branch in (layer.main, layer.skip):
            self.tensor, self.values = start
            for index, conv in enumerate(branch):
                self._conv(conv)
                if index < len(branch) - 1:
                    self._activate()
            self._quantize_branch(scale)
            ends.append((self.tensor, self.values))
        (left, main), (right, skip) = ends
        self.tensor = self.builder.node("Add", left, right)
        self.values = main + skip
        self._activate()
