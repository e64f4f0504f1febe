"""The draft stage: a network as it is before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from conftest import CLASSES, IMAGE_SIZE, TRAIN_SPEC, make_request, run_here
from contract.stages.dataset import PIXELS, Quantization
from stagekit import StageError
from train_worker.draft import draft, random_images

SPEC: dict[str, Any] = {
    **{name: TRAIN_SPEC[name] for name in ("architecture", "weight_bits", "act_bits")},
    "code": None,
    "image_size": IMAGE_SIZE,
    "shape": [1, 12, 12],
    "classes": CLASSES,
    "quantization": PIXELS.to_json(),
}


def drafted(folder: Path, **changes: Any) -> Path:
    """The outputs of a draft."""
    request = make_request(folder, "draft", SPEC | changes, {})
    run_here(draft, request)
    return request.outputs


def test_it_is_the_network_that_a_training_would_export(tmp_path: Path) -> None:
    model = ModelWrapper(str(drafted(tmp_path / "run") / "model.onnx"))
    source = model.graph.input[0].name
    assert model.get_tensor_shape(source) == [1, IMAGE_SIZE**2]
    assert model.get_tensor_datatype(source) == DataType["UINT8"]
    kinds = [node.op_type for node in model.graph.node]
    assert sorted(set(kinds)) == ["BatchNormalization", "Div", "MatMul", "Quant"]
    assert model.get_tensor_shape(model.graph.output[0].name) == [1, CLASSES]


def test_equal_specs_give_equal_bytes_whatever_the_caller_has_drawn(tmp_path: Path) -> None:
    torch.manual_seed(7)
    first = drafted(tmp_path / "first")
    torch.manual_seed(8)
    second = drafted(tmp_path / "second")
    names = sorted(path.name for path in first.iterdir())
    assert names == ["metrics.json", "model.onnx"]
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_its_activations_use_their_levels(tmp_path: Path) -> None:
    """With statistics of 0 and 1 most inputs of a quantizer would be beyond its range."""
    model = ModelWrapper(str(drafted(tmp_path / "run", act_bits=4) / "model.onnx"))
    image = random_images((1, IMAGE_SIZE**2), PIXELS).numpy()
    feed = {model.graph.input[0].name: image.astype(np.float32)}
    tensors = execute_onnx(model, feed, return_full_exec_context=True)
    quantized = [
        tensors[node.output[0]]
        for node in model.get_nodes_by_op_type("Quant")
        if model.get_initializer(node.input[0]) is None
    ]
    assert len(quantized) == 3
    assert all(len(np.unique(values)) > 5 for values in quantized)


@pytest.mark.parametrize(("datatype", "values"), [("BIPOLAR", {-1, 1}), ("INT2", {-2, -1, 0, 1})])
def test_images_are_of_the_data_sets_numbers(
    tmp_path: Path, datatype: str, values: set[int]
) -> None:
    zero_point = 0 if datatype == "INT2" else 1
    quantization = Quantization(datatype=datatype, scale=1.0, zero_point=zero_point)
    assert set(np.unique(random_images((500,), quantization)).astype(int)) == values
    outputs = drafted(tmp_path / "run", quantization=quantization.to_json())
    model = ModelWrapper(str(outputs / "model.onnx"))
    assert model.get_tensor_datatype(model.graph.input[0].name) == DataType[datatype]


def test_a_network_that_cannot_take_the_images_is_refused(tmp_path: Path) -> None:
    layers = {"layers": [{"kind": "Linear", "outputs": None, "per_channel": True}], "flat": False}
    with pytest.raises(StageError, match="cannot take images"):
        drafted(tmp_path / "run", architecture=layers)
