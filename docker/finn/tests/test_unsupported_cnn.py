"""Convolutional models that FINN+ cannot build: the node at fault is named, and what to use."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import get_by_name

from finn_worker import inspect as stage
from quantized_cnn import Conv, Dense, GlobalPool, MaxPool, QuantizedCNN, Residual
from stagekit import Reporter, StageError
from test_inspect import request

IN_A_ROW = (Conv(channels=4), MaxPool(), Conv(channels=6, pad=1), Dense(3))
BRANCHES = (
    Conv(channels=4, pad=1),
    Residual((Conv(channels=4, pad=1),), (Conv(channels=4, kernel=1),)),
    GlobalPool(),
    Dense(3),
)
ONE_LAYER = (Conv(channels=4), Dense(3))


def _activations(model: ModelWrapper) -> list[Any]:
    """The quantizers of activations, in order."""
    quantizers = model.get_nodes_by_op_type("Quant")
    return [node for node in quantizers if model.get_initializer(node.input[0]) is None]


def _ungrouped(model: ModelWrapper) -> None:
    get_by_name(model.get_nodes_by_op_type("Conv")[1].attribute, "group").i = 2
    name = model.get_nodes_by_op_type("Conv")[1].input[1]
    quantizer = model.find_producer(name)
    weights = model.get_initializer(quantizer.input[0])
    model.set_initializer(quantizer.input[0], weights[:, :2])
    model.set_tensor_shape(name, list(weights[:, :2].shape))


def _shifted_activations(model: ModelWrapper) -> None:
    model.set_initializer(_activations(model)[0].input[2], np.float32(2))


def _shifted_weights(model: ModelWrapper) -> None:
    weights = model.find_producer(model.get_nodes_by_op_type("Conv")[1].input[1])
    model.set_initializer(weights.input[2], np.float32(1))


def _per_channel(model: ModelWrapper) -> None:
    scales = np.linspace(0.2, 0.6, 4, dtype=np.float32).reshape(1, -1, 1, 1)
    model.set_initializer(_activations(model)[0].input[1], scales)


def _unquantized(model: ModelWrapper) -> None:
    node = _activations(model)[0]
    model.find_consumer(node.output[0]).input[0] = node.input[0]
    model.graph.node.remove(node)


def _averaged(model: ModelWrapper) -> None:
    model.get_nodes_by_op_type("MaxPool")[0].op_type = "AveragePool"


def _unequal(model: ModelWrapper) -> None:
    branch = model.find_producer(model.get_nodes_by_op_type("Add")[-1].input[0])
    scale = model.get_initializer(branch.input[1])
    model.set_initializer(branch.input[1], scale * np.float32(1.7))


def _end_at(model: ModelWrapper, last: Any) -> None:
    """Cut off what follows a node."""
    nodes, name = list(model.graph.node), last.output[0]
    for node in nodes[nodes.index(last) + 1 :]:
        model.graph.node.remove(node)
    shape = model.get_tensor_shape(name)
    for known in [info for info in model.graph.value_info if info.name == name]:
        model.graph.value_info.remove(known)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))


def _behind_a_sigmoid(model: ModelWrapper) -> None:
    """All layers: none can become hardware."""
    first = model.get_nodes_by_op_type("Div")[0]
    (follower,) = model.find_consumers(first.output[0])
    place = list(follower.input).index(first.output[0])
    follower.input[place] = "squeezed"
    sigmoid = helper.make_node("Sigmoid", [first.output[0]], ["squeezed"], name="Sigmoid_0")
    model.graph.node.insert(list(model.graph.node).index(first) + 1, sigmoid)
    model.set_tensor_shape("squeezed", model.get_tensor_shape(first.output[0]))


CASES: dict[str, tuple[tuple[Any, ...], Callable[[ModelWrapper], None], str, str]] = {
    "groups": (IN_A_ROW, _ungrouped, "Conv_1, layer 2, has 2 groups", "depthwise"),
    "shifted activations": (
        IN_A_ROW, _shifted_activations, "after layer 1, has a zero point", "QuantReLU",
    ),
    "shifted weights": (
        IN_A_ROW, _shifted_weights, "weights of Conv_1, layer 2, are", "Int8WeightPerTensorFloat",
    ),
    "a scale per channel": (
        ONE_LAYER, _per_channel, "after layer 1, has a scale or zero point of its own",
        "one scale for all channels",
    ),
    "not quantized": (ONE_LAYER, _unquantized, "Relu (Relu_0, after layer 1)", "QuantReLU"),
    "no layer is left": (
        (Dense(3),), _behind_a_sigmoid, "hardware layer for Sigmoid (Sigmoid_0", "QuantReLU",
    ),
    "averages": (IN_A_ROW, _averaged, "AveragePool_0, after layer 1, is not rounded", "maximum"),
    "two scales": (BRANCHES, _unequal, "two branches that Add_0 adds", "one quantizer"),
}  # fmt: skip


def refused(folder: Path, model: ModelWrapper) -> StageError:
    """What the inspection of a model says."""
    draft = folder / "draft"
    draft.mkdir()
    model.save(str(draft / "model.onnx"))
    with pytest.raises(StageError) as caught:
        stage.inspect_model(request(folder, draft), Reporter(io.StringIO()))
    return caught.value


@pytest.mark.parametrize("name", CASES)
def test_what_is_at_fault_is_named_and_not_what_follows(tmp_path: Path, name: str) -> None:
    layers, change, what, remedy = CASES[name]
    model = QuantizedCNN(layers, (2, 8, 8), images_count=2).model.transform(InferShapes())
    change(model)
    said = refused(tmp_path, model)
    assert what in said.what
    assert remedy in said.remedy
    assert "Transpose" not in said.what


def test_a_model_without_weights_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    model = QuantizedCNN(ONE_LAYER, (2, 8, 8), images_count=2).model.transform(InferShapes())
    _end_at(model, model.get_nodes_by_op_type("Div")[0])
    assert "no layer with quantized weights" in refused(tmp_path, model).what
