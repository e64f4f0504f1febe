"""Random images for a model that nobody has given any for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from contract.stages.sample import STAGE
from finn_worker.imported.sample import sample
from stage_runs import new_request, run
from stagekit import StageError


def drawn(root: Path, shape: list[int | str], annotated: str = "", kind: int = 1) -> Path:
    """The outputs for a model with an input of `shape`."""
    source = helper.make_tensor_value_info("image", kind, shape)
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, shape)
    node = helper.make_node("Cast", ["image"], ["result"], to=TensorProto.FLOAT)
    graph = helper.make_graph([node], "cast", [source], [result])
    if annotated:
        of = graph.quantization_annotation.add(tensor_name="image")
        of.quant_parameter_tensor_names.add(key="finn_datatype", value=annotated)
    opset = helper.make_opsetid("", 13)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    (root / "model").mkdir()
    onnx.save(model, root / "model" / "model.onnx")
    return run(sample, new_request(root, STAGE, {}, {"model": root / "model"}))[0]


@pytest.mark.parametrize(
    ("annotated", "kind", "datatype", "numbers"),
    [
        ("", TensorProto.FLOAT, "UINT8", range(256)),
        ("BIPOLAR", TensorProto.FLOAT, "BIPOLAR", (-1, 1)),
        ("INT2", TensorProto.FLOAT, "INT2", range(-2, 2)),
        ("", TensorProto.INT8, "INT8", range(-128, 128)),
    ],
)
def test_images_are_of_the_numbers_that_the_model_takes(
    tmp_path: Path, annotated: str, kind: int, datatype: str, numbers: Any
) -> None:
    outputs = drawn(tmp_path, ["N", 3, 20, 20], annotated, kind)
    with np.load(outputs / "test.npz") as arrays:
        images = arrays["images"]
    assert images.shape == (4, 1200, 1, 1)
    assert images.dtype == (np.int8 if min(numbers) < 0 else np.uint8)
    assert set(np.unique(images)) <= set(numbers)
    assert len(np.unique(images)) > len(numbers) // 2
    found = json.loads((outputs / "metrics.json").read_text())
    assert (found["quantization"]["datatype"], found["classes"]) == (datatype, 0)


@pytest.mark.parametrize(
    ("shape", "annotated", "message"),
    [
        (["N", 3, "height", "width"], "", r"input 'image' is 3x\?x\?"),
        (["N", 4], "INT16", "the datatype is 'INT16'"),
    ],
)
def test_what_is_not_known_is_asked_for(
    tmp_path: Path, shape: list[int | str], annotated: str, message: str
) -> None:
    with pytest.raises(StageError, match=message) as caught:
        drawn(tmp_path, shape, annotated)
    assert "--images" in caught.value.remedy
