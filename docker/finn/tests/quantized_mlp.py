"""A small quantized network for the tests: as QONNX, and computed by NumPy independently.

The finn environment has no Brevitas, so the graph is put together by hand, in the form in which
Brevitas exports one: Div, then per layer Quant (weights), Transpose, MatMul, BatchNormalization
and, but for the last layer, Quant (activations).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

from finn_worker.verification import execute

Floats = npt.NDArray[np.float64]
PIXEL_MAX = 255.0
EPSILON = 1e-5


@dataclass
class Layer:
    """One fully connected layer; `act_bits` 0 leaves out the quantizer after it.

    The fields from `weight_bits` on make a layer that NumPy does not compute here: see `export`.
    """

    weights: Floats
    weight_scale: Floats
    mean: Floats
    variance: Floats
    gain: Floats
    offset: Floats
    act_bits: int
    act_scale: float | Floats = 0.4
    weight_bits: int | None = None
    weights_quantized: bool = True
    operator: str = ""
    rounding: str = "ROUND"


@dataclass
class QuantizedMLP:
    """Random weights, BatchNorm fitted to random images.

    Args:
        sizes: Numbers of inputs, of each hidden layer's outputs, and of classes.
        weight_bits: Narrow-range, signed; 1 for -1 and 1.
        act_bits: Signed; 1 for -1 and 1.
        input_bits: Of a quantizer before the first layer, signed; 0 for none.
    """

    sizes: tuple[int, ...] = (64, 16, 16, 8, 4)
    weight_bits: int = 2
    act_bits: int = 2
    seed: int = 0
    input_bits: int = 0
    layers: list[Layer] = field(default_factory=list)
    images: npt.NDArray[np.uint8] = field(init=False)
    logits: Floats = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.images = rng.integers(0, 256, (20, self.sizes[0]), dtype=np.uint8)
        values: Floats = self.images / PIXEL_MAX
        for index, (inputs, outputs) in enumerate(zip(self.sizes, self.sizes[1:], strict=False)):
            last = index == len(self.sizes) - 2
            weights = as_float32(rng.normal(size=(outputs, inputs)))
            limit = max(1, 2 ** (self.weight_bits - 1) - 1)
            scale = as_float32(np.abs(weights).max(axis=1, keepdims=True) / limit)
            sums = values @ (self._integers(weights / scale) * scale).T
            layer = Layer(
                weights=weights,
                weight_scale=scale,
                mean=as_float32(sums.mean(axis=0)),
                variance=as_float32(sums.var(axis=0) + 0.01),
                gain=as_float32(rng.choice([-1.0, 1.0], outputs) * rng.uniform(0.5, 1.5, outputs)),
                offset=as_float32(rng.uniform(-0.5, 0.5, outputs)),
                act_bits=0 if last else self.act_bits,
                act_scale=1.0 if self.act_bits == 1 else 0.4,
            )
            self.layers.append(layer)
            values = self._forward(layer, values)
        self.logits = values

    def set_weights(self, index: int, integers: Floats) -> None:
        """Give a layer these weights [outputs, inputs] and positive scales; compute all anew."""
        layer = self.layers[index]
        layer.weights = as_float32(integers * layer.weight_scale)
        layer.gain = np.abs(layer.gain)
        values: Floats = self.images / PIXEL_MAX
        for each in self.layers:
            values = self._forward(each, values)
        self.logits = values

    def _forward(self, layer: Layer, values: Floats) -> Floats:
        weights = self._integers(layer.weights / layer.weight_scale)
        sums = values @ (weights * layer.weight_scale).T
        normal = (sums - layer.mean) / np.sqrt(layer.variance + EPSILON)
        output: Floats = normal * layer.gain + layer.offset
        if layer.act_bits == 1:
            return np.where(output >= 0, 1.0, -1.0) * np.float32(layer.act_scale)
        if layer.act_bits:
            half = 2 ** (layer.act_bits - 1)
            steps = np.round(output / np.float32(layer.act_scale))
            output = np.clip(steps, -half, half - 1) * np.float32(layer.act_scale)
        return output

    def _integers(self, weights: Floats) -> Floats:
        if self.weight_bits == 1:
            return np.where(weights >= 0, 1.0, -1.0)
        limit = 2 ** (self.weight_bits - 1) - 1
        return np.clip(np.round(weights), -limit, limit)

    def to_qonnx(self, tail: str = "") -> ModelWrapper:
        """The network as Brevitas would export it; `tail` adds an operator after the logits."""
        builder = Builder()
        tensor = builder.node("Div", "images", builder.constant(PIXEL_MAX))
        if self.input_bits:
            tensor = builder.quant(tensor, 2.0 ** (1 - self.input_bits), self.input_bits)
        for layer in self.layers:
            weights, bits = builder.constant(layer.weights), layer.weight_bits or self.weight_bits
            if layer.weights_quantized:
                scale = layer.weight_scale * 2.0 ** (self.weight_bits - bits)
                weights = builder.quant(weights, scale, bits, narrow=1)
            turned = builder.node("Transpose", weights, perm=[1, 0])
            tensor = builder.node("MatMul", tensor, turned)
            moments = (layer.gain, layer.offset, layer.mean, layer.variance)
            names = [builder.constant(item) for item in moments]
            tensor = builder.node("BatchNormalization", tensor, *names, epsilon=EPSILON)
            if layer.operator:
                tensor = builder.node(layer.operator, tensor)
            if layer.act_bits:
                tensor = builder.quant(
                    tensor, layer.act_scale, layer.act_bits, rounding=layer.rounding
                )
        if tail == "TopK":
            tensor = builder.node(tail, tensor, builder.index(1), outputs=2)
        elif tail:
            tensor = builder.node(tail, tensor)
        outputs = 1 if tail == "TopK" else self.sizes[-1]
        return builder.model(tensor, self.sizes[0], outputs)

    def export(
        self,
        folder: Path,
        tail: str = "",
        input_datatype: str = "UINT8",
        *,
        computed_by_model: bool = False,
    ) -> Path:
        """Leave what the export stage leaves in `folder`.

        Args:
            folder: Made where it is missing.
            tail: An operator after the logits.
            input_datatype: As annotated.
            computed_by_model: Take the exported model's outputs for golden ones, not NumPy's.
        """
        folder.mkdir(parents=True, exist_ok=True)
        model = self.to_qonnx(tail)
        model.set_tensor_datatype("images", DataType[input_datatype])
        model.save(str(folder / "model.onnx"))
        logits = self.logits.astype(np.float32)
        if computed_by_model:
            logits = execute(model.transform(InferShapes()), self.images.astype(np.float32))
        predictions = logits.argmax(axis=1)
        sets = {"images": self.images, "predictions": predictions}
        np.savez(folder / "golden.npz", logits=logits, **sets)
        np.savez(folder / "test_set.npz", labels=predictions.astype(np.uint8), **sets)
        return folder


def as_float32(values: Floats) -> Floats:
    """Rounded to what the model's file can hold."""
    return values.astype(np.float32).astype(np.float64)


class Builder:
    """Nodes and constants of a graph that is put together."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def index(self, value: int) -> str:
        name = f"index_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray([value], np.int64), name))
        return name

    def node(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Add a node; the name of its first output."""
        names = [f"value_{len(self.nodes)}_{nth}" for nth in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0]

    def quant(
        self,
        tensor: str,
        scale: Any,
        bits: int,
        *,
        narrow: int = 0,
        signed: int = 1,
        rounding: str = "ROUND",
    ) -> str:
        """Add a quantizer; of one bit, a bipolar one."""
        if bits == 1:
            domain = "qonnx.custom_op.general"
            return self.node("BipolarQuant", tensor, self.constant(scale), domain=domain)
        return self.node(
            "Quant",
            tensor,
            *map(self.constant, (scale, 0.0, bits)),
            domain="qonnx.custom_op.general",
            narrow=narrow,
            signed=signed,
            rounding_mode=rounding,
        )

    def model(self, output: str, inputs: int, outputs: int) -> ModelWrapper:
        graph = helper.make_graph(
            self.nodes,
            "mlp",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, inputs])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, outputs])],
            self.constants,
        )
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
        proto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        return ModelWrapper(proto)
