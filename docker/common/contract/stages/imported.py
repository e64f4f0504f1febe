"""The `import` stage: from a model of the user's to what the export of a trained network leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from contract import space
from contract.fields import Key, Range
from contract.stage import GIB, Cost, Scope, Stage

LARGEST_MODEL = 256 * 1024**2
"""Bytes of a model's file: 67 million weights in float32, more than any FPGA here holds."""


@dataclass(frozen=True, kw_only=True)
class ImportSpec:
    """How to read a model.

    `input` says what the model takes for an image: the whole numbers of the data set, or the
    numbers that these stand for by its stated quantization, such as 0 to 1 for pixels. `auto` is
    `integers` where the model annotates its input with a datatype of whole numbers, or divides it
    by 255 itself.

    `outputs` says what the model's outputs are: classes, of which the largest is compared, or
    values, each of which is. `auto` is `classes` where the model ends in a choice (TopK, ArgMax,
    LabelSelect, Softmax), or has two outputs or more and the labels are no more classes than that.
    """

    golden_images: Annotated[
        int,
        Range(ge=2),
        Key(
            "Test images, the first ones, whose outputs every later form of the model is checked "
            "against; fewer where the data set has fewer, or the model is expensive."
        ),
    ] = 100
    input: Annotated[
        Literal["auto", "integers", "scaled"],
        Key(
            "What the model takes: the data set's whole numbers, or what they stand for, such as "
            "0 to 1."
        ),
    ] = "auto"
    outputs: Annotated[
        Literal["auto", "classes", "values"],
        Key("What the model gives: classes, of which the largest counts, or values."),
    ] = "auto"


STAGE = Stage(
    name="import",
    summary="read a model, check",
    environment="finn",
    entry="finn_worker.importing:import_model",
    spec=ImportSpec,
    scope=Scope.TRAINING,
    table="model",
    provides="export",
    needs=("model", "dataset"),
    cost=Cost(seconds=10, memory=GIB, disk=20_000),
    disk=space.of_export,
    files={"models": ("files/*.onnx",), "golden": ("files/*.npz",)},
)
