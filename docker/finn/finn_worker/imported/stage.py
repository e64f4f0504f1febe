"""The import stage: from a model of the user's to what the export of a trained network leaves.

What the model itself computes is what every later form of it is held to. It is executed as it came,
image by image, before anything but its ends is changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.cleanup import cleanup_model

from contract import outcome
from contract.arrays import ArraysError, load_npz, save_npz
from contract.outcome import Kind, Predictions
from contract.stages.dataset import Quantization
from contract.stages.imported import ImportSpec
from contract.stages.model import FILE
from contract.text import counted
from finn_worker import canonical, unsupported
from finn_worker.imported import dialects, ends, file, head
from finn_worker.verification import ROUNDING_SHARE, Floats, Golden, execute
from stagekit import Reporter, Request, StageError, of_the_disk

REFERENCE = "the model itself"
# Images that the model is executed on at a time, for the memory that thresholds take.
BATCH = 500
INFERENCE = "Export it again for a batch of one; onnx.shape_inference tells more."
OPERATORS = "Compare its nodes with the descriptions of their operators; the log has the traceback."
EXECUTION = "Check it with onnx.checker, and that its quantizers have constant scales and widths."

Images = npt.NDArray[Any]


@dataclass(frozen=True)
class Data:
    """The test set.

    Attributes:
        images: [N, C, H, W].
        labels: [N]; None where there are none.
        classes: Of the labels; 0 where there are none.
        quantization: What the numbers in images stand for.
    """

    images: Images
    labels: npt.NDArray[np.uint8] | None
    classes: int
    quantization: Quantization

    @classmethod
    def load(cls, folder: Path) -> Data:
        """Read what the data set's stage left; raises `StageError`."""
        try:
            metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
            quantization = Quantization.from_json(metrics["quantization"])
            with np.load(folder / "test.npz", allow_pickle=False) as archive:
                names = [name for name in ("images", "labels") if name in archive]
            images, *labels = load_npz(folder / "test.npz", names)
            classes = int(metrics["classes"])
        except (ArraysError, OSError, ValueError, KeyError, TypeError) as error:
            raise StageError(
                f"The data set cannot be read: {error}.",
                "Remove it ('bench store verify' names damaged artifacts), and rerun.",
            ) from error
        return cls(images, labels[0] if labels else None, classes, quantization)  # type: ignore[arg-type]


def import_model(request: Request, reporter: Reporter) -> None:
    """Run the stage.

    Leaves model.onnx, golden.npz, test_set.npz and metrics.json, as the export stage does.

    Raises:
        StageError: The file is no model that can be used, or does not fit the data.
    """
    spec = request.parse(ImportSpec)
    data = Data.load(request.inputs["dataset"])
    with reporter.timed("read"):
        given, shape, choices = _given(request.inputs["model"] / FILE, data)
    integers = head.takes_integers(given, spec.input)
    datatype = _with_integer_input(given, data, integers=integers)
    chosen = any(node.op_type not in ends.MONOTONE for node in choices)
    kind = _kind_of(spec, given, data, chosen=chosen)
    with reporter.timed("settle"):
        model, rearranged = _settled(given)
    unsupported.check_known(model)

    images = head.arranged(data.images, shape)
    with reporter.timed("execute"):
        golden = _golden(given, images[: spec.golden_images], kind, reporter)
        settled = rearranged(images)
        _check_same(model, settled, golden)
        predictions = _predictions(model, settled, kind, reporter)
    count = len(golden.images)
    canonical.save(model, request.outputs / "model.onnx")
    save_npz(
        request.outputs / "golden.npz",
        images=settled[:count],
        logits=golden.logits,
        predictions=golden.predictions,
    )
    labels = {} if data.labels is None else {"labels": data.labels}
    save_npz(request.outputs / "test_set.npz", images=settled, predictions=predictions, **labels)
    request.write_metrics(
        {
            "golden_images": count,
            "agreeing": count,
            "input": "integers" if integers else "scaled",
            "input_datatype": datatype,
            "input_shape": list(settled.shape[1:]),
            "outputs": kind,
            "output_count": golden.logits.shape[1],
            "classes": golden.logits.shape[1] if kind == "classes" else 0,
            "left_to_the_host": [node.op_type for node in reversed(choices)],
            "reference": REFERENCE,
            "labelled": data.labels is not None,
            "accuracy": outcome.accuracy(predictions, data.labels),
        }
    )
    if data.labels is None:
        reporter.note("There are no labels: agreement with the model itself is what is shown.")
    if kind == "values":
        reporter.note(_of_values(spec.outputs, golden.logits.shape[1], data.labels))


def _given(path: Path, data: Data) -> tuple[ModelWrapper, tuple[int, ...], list[Any]]:
    """The model as it came, but for a choice at its end; its input's shape; that choice."""
    proto = file.read(path)
    shape = ends.take_input(proto, data.images.shape[1:])
    choices = ends.cut_choice(proto)
    with _explained("The shapes of the model's tensors cannot be inferred", INFERENCE):
        model = cleanup_model(ModelWrapper(proto))
        complete = model.check_all_tensor_shapes_specified()
        output = model.get_tensor_shape(model.graph.output[0].name)
    if not complete:
        names = (name for node in model.graph.node for name in node.output)
        unknown = next((name for name in names if not model.get_tensor_shape(name)), "")
        raise StageError(
            f"The shape of '{unknown}' is not known before the model is executed.",
            "Export it with fixed sizes, but for the batch.",
        )
    if not output or output[0] != 1:
        raise StageError(
            f"The model gives {output or 'no known shape'} for one image.",
            "Export it for a batch of one, with an output [N, C].",
        )
    return model, shape, choices


@contextmanager
def _explained(what: str, remedy: str) -> Iterator[None]:
    """Whatever QONNX and ONNX Runtime raise, bare assertions too, becomes a `StageError`."""
    try:
        yield
    except StageError:
        raise
    except Exception as error:
        if said := of_the_disk(error):
            raise said from error
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise StageError(f"{what}: {first}", remedy) from error


def _with_integer_input(model: ModelWrapper, data: Data, *, integers: bool) -> str:
    """Have the model take the data set's whole numbers; their datatype."""
    numbers = data.quantization
    if integers:
        return head.annotate(model, numbers.datatype, data.images)
    head.scale(model, numbers.scale, numbers.zero_point, numbers.datatype)
    return numbers.datatype


def _kind_of(spec: ImportSpec, model: ModelWrapper, data: Data, *, chosen: bool) -> Kind:
    """What the outputs are; see `ImportSpec`."""
    count = int(np.prod(model.get_tensor_shape(model.graph.output[0].name)))
    if spec.outputs == "classes" and count == 1:
        raise StageError(
            "The model has one output, of which there is no largest.", 'Give outputs = "values".'
        )
    if spec.outputs != "auto":
        return spec.outputs
    return "classes" if count > 1 and (chosen or 0 < data.classes <= count) else "values"


def _settled(given: ModelWrapper) -> tuple[ModelWrapper, Any]:
    """The model as FINN's conversion takes it, and what its images need for it."""
    model = ModelWrapper(given.model, make_deepcopy=True)
    with _explained("The model cannot be made ready for FINN+", OPERATORS):
        rearranged = head.settle(model)
        dialects.settle(model)
        datatype = model.get_tensor_datatype(model.graph.input[0].name)
        model = cleanup_model(model).transform(InferShapes())
        model.set_tensor_datatype(model.graph.input[0].name, datatype)
        return model.transform(InferDataTypes()), rearranged


def _golden(model: ModelWrapper, images: Images, kind: Kind, reporter: Reporter) -> Golden:
    """What the model makes of the first images, one by one."""
    floats = images.astype(np.float32)
    empty = np.zeros(0, np.float32)
    count = Golden(floats, empty, empty).affordable(model)
    reporter.progress(0, count, "image", "model as it came")
    logits = _execute(model, floats[:count], one_by_one=True).reshape(count, -1)
    reporter.progress(count, count, "image", "model as it came")
    return Golden(floats[:count], logits, outcome.predicted(logits, kind))


def _execute(model: ModelWrapper, images: Floats, *, one_by_one: bool = False) -> Floats:
    with _explained("The model cannot be executed", EXECUTION):
        return execute(model, images, one_by_one=one_by_one)


def _check_same(model: ModelWrapper, images: Images, golden: Golden) -> None:
    """The model in its new form is what it was, in batches, too.

    A batch is summed in another order, which may carry a few values over a rounding boundary.
    """
    count = len(golden.images)
    floats = images[:count].astype(np.float32)
    off = _off(_execute(model, floats), golden)
    if off.any() and off.mean() <= ROUNDING_SHARE:
        off = _off(_execute(model, floats, one_by_one=True), golden)
    if off.any():
        raise StageError(
            f"Made ready for FINN+, the model computes something else for {int(off.sum())} of "
            f"{counted(count, 'image')}, the first is image {int(np.flatnonzero(off)[0])}.",
            "Report it with the model.",
        )


def _off(logits: Floats, golden: Golden) -> npt.NDArray[np.bool_]:
    difference = np.abs(logits.reshape(golden.logits.shape) - golden.logits).max(axis=1)
    return np.asarray(difference > outcome.slack(golden.logits))


def _predictions(
    model: ModelWrapper, images: Images, kind: Kind, reporter: Reporter
) -> Predictions:
    return np.concatenate(list(_in_batches(model, images, kind, reporter)))


def _in_batches(
    model: ModelWrapper, images: Images, kind: Kind, reporter: Reporter
) -> Iterator[Predictions]:
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH].astype(np.float32)
        yield outcome.predicted(_execute(model, part).reshape(len(part), -1), kind)
        reporter.progress(start + len(part), len(images), "image", "test set")


def _of_values(asked: str, outputs: int, labels: npt.NDArray[Any] | None) -> str:
    """Why outputs are compared value by value, and what that means for an accuracy."""
    note = "The model's outputs are compared value by value"
    if outputs == 1:
        return f"{note}: a value above 0 is class 1, any other class 0."
    if asked == "values":
        return f"{note}, as [model] asks."
    if labels is not None:
        return (
            f"{note}: they cannot be classes, as there is a label {labels.max()} and the last of "
            f"{outputs} outputs would be class {outputs - 1}."
        )
    return f"{note}; with labels, or outputs = 'classes' in [model], the largest is the class."
