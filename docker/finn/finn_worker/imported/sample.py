"""The sample stage: random images such as a model takes, where nobody has given any."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx

from contract.arrays import save_npz
from contract.stages.dataset import PIXELS, Quantization
from contract.stages.model import FILE
from contract.stages.sample import SampleSpec
from finn_worker.imported import ends, file
from stagekit import Reporter, Request, StageError

SEED = 1
IMAGES = 4
GIVE = "Give images with --images: an npz file whose x_test has them."


def sample(request: Request, reporter: Reporter) -> None:  # noqa: ARG001
    """Run the stage. Leaves test.npz and metrics.json, as the dataset stage does, without labels.

    Raises:
        StageError: The file is no model, or does not say what it takes.
    """
    request.parse(SampleSpec)
    model = file.read(request.inputs["model"] / FILE)
    source = _input(model)
    count = math.prod(_sizes(source))
    quantization = _quantization(model, source)
    low, high = quantization.bounds
    step = 2 if quantization.datatype == "BIPOLAR" else 1
    kind = np.int8 if quantization.signed else np.uint8
    numbers = np.arange(low, high + 1, step).astype(kind)
    images = np.random.default_rng(SEED).choice(numbers, (IMAGES, count, 1, 1))
    save_npz(request.outputs / "test.npz", images=images)
    request.write_metrics(
        {
            "classes": 0,
            "channels": count,
            "height": 1,
            "width": 1,
            "test_images": IMAGES,
            "quantization": quantization.to_json(),
        }
    )


def _input(model: onnx.ModelProto) -> Any:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [item for item in model.graph.input if item.name not in constants]
    if len(inputs) != 1:
        raise StageError(
            f"The model has {len(inputs)} inputs.", "Give a model that takes one tensor: the image."
        )
    return inputs[0]


def _sizes(source: Any) -> list[int]:
    """Of one image."""
    sizes = [int(dim.dim_value) for dim in source.type.tensor_type.shape.dim][1:]
    if not sizes or 0 in sizes:
        shown = "x".join(str(size or "?") for size in sizes) or "nothing"
        raise StageError(f"The model's input '{source.name}' is {shown}, batch left out.", GIVE)
    return sizes


def _quantization(model: onnx.ModelProto, source: Any) -> Quantization:
    """Of the numbers that the input is annotated with; else those of pixels."""
    annotated = {
        item.value
        for tensor in model.graph.quantization_annotation
        if tensor.tensor_name == source.name
        for item in tensor.quant_parameter_tensor_names
        if item.key == "finn_datatype"
    }
    datatype = next(iter(annotated), ends.WHOLE.get(source.type.tensor_type.elem_type))
    if datatype in {None, PIXELS.datatype, "FLOAT32"}:
        return PIXELS
    try:
        return Quantization(datatype=str(datatype), scale=1.0)
    except ValueError as error:
        raise StageError(f"Of the model's input '{source.name}', {error}.", GIVE) from error
