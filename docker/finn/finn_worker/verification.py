"""Golden execution: after every step, the model must still compute what torch computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.general import SortGraph

from contract import outcome
from contract.outcome import Predictions
from contract.text import counted
from finn_worker import im2col, known_faults, node_execution
from finn_worker.images import FLAT, channels_last
from stagekit import StageError

Floats = npt.NDArray[np.float32]

HARDWARE = "finn.custom_op.fpgadataflow"
# FINN+ executes them for one image only.
ONE_IMAGE = frozenset({"VVAU", "VVAU_hls", "Reshape"})
# An image goes to the accelerator as bytes.
INPUT_BITS = 8
# Images in a pass of a convolutional network, for the memory that their windows take.
IMAGES_AT_ONCE = 16
# Of a convolutional network, the steps are verified with as many images as have about so many
# values in all tensors of the exported model: a few seconds a step.
GOLDEN_VALUES = 3_000_000
LEAST_IMAGES = 4

# Share of the images of which logits may be off by more than rounding explains: summing in another
# order may carry a pre-activation over a rounding boundary, and then one activation of the image is
# one quantization step off. A wrong transformation breaks all of them.
ROUNDING_SHARE = 0.1
UNEXPLAINED = (
    "Make sure that model and golden outputs are of one export; if they are, FINN+ changed what "
    "the model computes: report it with the exported model."
)


@dataclass(frozen=True)
class Golden:
    """Inputs and what torch made of them.

    Attributes:
        images: [N, F] or [N, C, H, W], integers as float32, which is what QONNX executes.
        logits: [N, C].
        predictions: As `contract.outcome` says.
    """

    images: Floats
    logits: Floats
    predictions: Predictions

    @classmethod
    def load(cls, path: Path) -> Golden:
        """Read `golden.npz` of the export stage; raises `StageError` if there is none."""
        if not path.is_file():
            raise StageError(
                f"The export holds no {path.name}.",
                "Run the export stage again; its golden outputs are what every step is held to.",
            )
        with np.load(path) as data:
            return cls(
                images=data["images"].astype(np.float32),
                logits=data["logits"].astype(np.float32),
                predictions=data["predictions"],
            )

    def first(self, count: int) -> Golden:
        """The first images."""
        return Golden(self.images[:count], self.logits[:count], self.predictions[:count])

    def affordable(self, model: ModelWrapper) -> int:
        """How many of the images the model can be executed on after every step.

        Args:
            model: With shapes.
        """
        count = len(self.images)
        if self.images.ndim == FLAT:
            return count
        names = [name for node in model.graph.node for name in node.output]
        values = sum(math.prod(model.get_tensor_shape(name) or []) for name in names)
        return int(min(count, max(LEAST_IMAGES, GOLDEN_VALUES // values)))


def execute(
    model: ModelWrapper, images: Floats, *, check_ranges: bool = False, one_by_one: bool = False
) -> Floats:
    """The model's only output for `images` [N, ...], in as few passes as memory allows.

    The model itself is left as it is, at batch size 1.

    Args:
        model: In any of the dialects.
        images: Its input.
        check_ranges: QONNX sees to it that integer tensors hold whole numbers; see also whether
            they are in the range of their datatype, beyond which hardware would cut bits off.
        one_by_one: Whatever memory allows, as no batch can then be wrong.

    Raises:
        StageError: A value is out of range.
    """
    at_once = len(images) if images.ndim == FLAT else IMAGES_AT_ONCE
    if one_by_one or any(node.op_type in ONE_IMAGE for node in model.graph.node):
        at_once = 1
    outputs = []
    batched, size = model, 0
    for start in range(0, len(images), at_once):
        chunk = images[start : start + at_once]
        if len(chunk) != size:
            batched, size = with_batch(model, len(chunk)), len(chunk)
        inputs = {batched.graph.input[0].name: chunk}
        tensors = execute_onnx(batched, inputs, return_full_exec_context=True)
        if check_ranges:
            _check_ranges(batched, tensors)
        outputs.append(np.asarray(tensors[batched.graph.output[0].name], dtype=np.float32))
    return np.concatenate(outputs)


def _check_ranges(model: ModelWrapper, tensors: dict[str, Floats | None]) -> None:
    for name, values in tensors.items():
        if values is None:  # QONNX' entry for optional inputs that are left out
            continue
        datatype = model.get_tensor_datatype(name)
        low, high = float(values.min()), float(values.max())
        if datatype.is_integer() and (low < datatype.min() or high > datatype.max()):
            raise StageError(
                f"Tensor '{name}' holds values from {low:.0f} to {high:.0f}, outside of "
                f"{datatype.name}.",
                "FINN+ chose a bit width that is too narrow; report it with the exported model.",
            )


def with_batch(model: ModelWrapper, batch: int) -> ModelWrapper:
    """A copy of a batch-1 model whose activations have `batch` rows; executes hardware layers too.

    QONNX' own ChangeBatchSize drops the intermediate shapes and infers them again, which
    hardware layers answer with the batch size stored in their attributes.
    """
    im2col.install()
    node_execution.install()
    model = model.transform(SortGraph())
    activations = {model.graph.input[0].name}
    for node in model.graph.node:
        if activations.intersection(node.input):
            activations.update(node.output)
            _set_node_batch(node, batch)
    for name in sorted(activations):
        shape = model.get_tensor_shape(name)
        if shape is None or shape[0] != 1:
            raise StageError(
                f"Tensor '{name}' has the shape {shape}; a leading batch dimension of 1 is needed.",
                "Export the model with a batch size of 1.",
            )
        model.set_tensor_shape(name, [batch, *shape[1:]])
    return model


def _set_node_batch(node: Any, batch: int) -> None:
    if not node.domain.startswith(HARDWARE):
        return
    layer = getCustomOp(node)
    attributes = layer.get_nodeattr_types()
    for name in ("numInputVectors", "inShape", "outShape"):
        if name in attributes:
            value = layer.get_nodeattr(name)
            # FMPadding has the number of images alone.
            layer.set_nodeattr(name, batch if isinstance(value, int) else [batch, *value[1:]])
    if node.domain == f"{HARDWARE}.rtl":
        # "cppsim" of an RTL layer is its Python model; nothing is compiled.
        layer.set_nodeattr("exec_mode", "cppsim")
    kind, _, variant = node.op_type.rpartition("_")
    if variant == "hls" or node.op_type == "ConvolutionInputGenerator_rtl":
        # A layer in HLS would be compiled; what it was made from is executed in Python. A VVAU then
        # asks for a generator that is not specialized either.
        node.op_type, node.domain = kind, HARDWARE


def _all_in(datatype: Any, images: Floats) -> bool:
    inside = datatype.min() <= images.min() and images.max() <= datatype.max()
    return bool(inside and (datatype.name != "BIPOLAR" or images.all()))


class Verifier:
    """Compares each step's model with the golden outputs and keeps the record.

    Args:
        golden: What torch computed.

    Attributes:
        steps: The record: step, images, agreeing.
        exported: The model that all others are made from, where it is at hand.
        faults: Known faults of FINN+ that the design meets.
    """

    def __init__(self, golden: Golden) -> None:
        self._golden = golden
        self._reference: Floats | None = None
        self.steps: list[dict[str, Any]] = []
        self.exported: ModelWrapper | None = None
        self.faults: list[str] = []

    @property
    def findings(self) -> dict[str, Any]:
        """For the metrics."""
        return {"verified_steps": self.steps, "known_faults": self.faults}

    @property
    def classes(self) -> int:
        """Number of logits, C."""
        return int(self._golden.logits.shape[1])

    def limit(self, model: ModelWrapper) -> None:
        """Verify the steps of an exported model on as many images as it can be executed on."""
        self.limit_to(self._golden.affordable(model))

    def limit_to(self, count: int) -> None:
        """Verify the steps on the first images only."""
        self._golden = self._golden.first(count)

    def check_input(self, model: ModelWrapper) -> None:
        """Whether the model takes the golden images; raises `StageError` if not."""
        name = model.graph.input[0].name
        shape, datatype = model.get_tensor_shape(name), model.get_tensor_datatype(name)
        images = self._golden.images
        expected = [1, *images.shape[1:]]
        bytes_each = datatype.is_integer() and datatype.bitwidth() <= INPUT_BITS
        if shape != expected or not bytes_each or not _all_in(datatype, images):
            raise StageError(
                f"The model takes {datatype.name} of shape {shape}, the golden images are "
                f"{images.min():g} to {images.max():g} of shape {expected}.",
                f"Export the model with images of one shape and of whole numbers of {INPUT_BITS} "
                "bits at most, annotated with their datatype, such as UINT8.",
            )

    def close(self, step: str, model: ModelWrapper) -> None:
        """Hold a model that still computes in floating point to the golden logits.

        Of two classes whose logits are equal but for rounding, either may be the prediction. Of
        values, a few may be off by rounding.

        Raises:
            StageError: A prediction differs, or more logits differ than rounding explains.
        """
        logits = self._execute(step, model, check_ranges=False)
        tolerance = outcome.slack(self._golden.logits)
        off = np.abs(logits - self._golden.logits).max(axis=1) > tolerance
        wrong = np.zeros_like(off)
        if outcome.kind_of(self._golden.predictions) == "classes":
            predicted = logits[np.arange(len(logits)), self._golden.predictions]
            wrong = predicted < logits.max(axis=1) - tolerance
        self._record(step, wrong | off if off.mean() > ROUNDING_SHARE else wrong)
        self._reference = logits

    def equal(
        self,
        step: str,
        model: ModelWrapper,
        host: Callable[[Floats], Floats],
        *,
        accelerator: bool = True,
    ) -> None:
        """Hold a model of integers to the last `close` one's logits, bit by bit.

        Args:
            step: What has just been done.
            model: Hardware layers.
            host: What the host makes logits of the model's outputs with.
            accelerator: Whether the model is the accelerator alone, which takes channels last.

        Raises:
            StageError: Any logit differs, or a value is outside of its tensor's datatype.
        """
        assert self._reference is not None, "a floating-point model comes first"
        outputs = self._execute(step, model, check_ranges=True, channels_are_last=accelerator)
        logits = host(outputs)
        self._record(step, (logits != self._reference).any(axis=1))

    def _execute(
        self,
        step: str,
        model: ModelWrapper,
        *,
        check_ranges: bool,
        channels_are_last: bool = False,
    ) -> Floats:
        images = self._golden.images
        try:
            outputs = execute(
                model,
                channels_last(images) if channels_are_last else images,
                check_ranges=check_ranges,
            )
            return outputs.reshape(self._golden.logits.shape)
        except StageError as error:
            raise StageError(f"After step '{step}': {error.what}", error.remedy) from error
        except Exception as error:  # QONNX raises bare Exceptions and assertions, too
            raise StageError(
                f"After step '{step}' the model cannot be executed: {error}",
                "Compare the network with the supported layers; the log has the traceback.",
            ) from error

    def _record(self, step: str, wrong: npt.NDArray[np.bool_]) -> None:
        self.steps.append(
            {"step": step, "images": int(wrong.size), "agreeing": int((~wrong).sum())}
        )
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            what = (
                f"After step '{step}' {int(wrong.sum())} of {counted(wrong.size, 'golden image')} "
                f"come out differently, the first is number {first}."
            )
            raise StageError(what, self._explanation(wrong) or UNEXPLAINED)

    def _explanation(self, wrong: npt.NDArray[np.bool_]) -> str:
        causes = list(self.faults)
        if self.exported is not None:
            causes += known_faults.of_export(self.exported, self._golden.images[wrong])
        return f"The likely cause: {' '.join(causes)}" if causes else ""
