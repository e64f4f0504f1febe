"""The `export` stage: from a checkpoint to QONNX, checked against torch image by image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from brevitas.export import export_qonnx
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model
from torch import nn

from contract.arrays import save_npz
from contract.stages.export import ExportSpec
from stagekit import Reporter, Request, StageError, of_the_disk
from train_worker import inference
from train_worker.checkpoint import Checkpoint
from train_worker.data import Split, read_findings, read_split
from train_worker.own.blame import said

ACCURACY_TOLERANCE = 0.001
"""A checkpoint trained on another kind of processor may round a few images differently."""
TIE = 1e-4
"""Share of the span of all logits within which two count as equal, as integers often are."""


def export(request: Request, reporter: Reporter) -> None:
    """Export the trained network and keep golden inputs and outputs.

    Writes `model.onnx`, `golden.npz`, `test_set.npz` and `metrics.json`.

    Raises:
        StageError: Checkpoint and data set do not belong together, or the exported model disagrees
            with torch.
    """
    spec = request.parse(ExportSpec)
    inference.fix_arithmetic()
    checkpoint = Checkpoint.load(request.inputs["train"] / "checkpoint.pt")
    network = checkpoint.network()
    test_set = _read_test_set(request.inputs["dataset"], checkpoint, spec)
    logits = inference.logits(network, test_set.images)
    predictions = inference.predictions(logits)
    _check_accuracy(checkpoint, predictions, test_set)

    with reporter.timed("export"):
        datatype = checkpoint.findings.quantization.datatype
        model = to_qonnx(network, tuple(test_set.images.shape[1:]), datatype, request.scratch)
        model.save(str(request.outputs / "model.onnx"))
    golden = test_set.first(spec.golden_images)
    with reporter.timed("execute"):
        exported = execute(model, golden.images.numpy(), reporter)
    golden_logits = logits[: spec.golden_images]
    _check_agreement(golden_logits, exported)

    images = test_set.images.numpy()
    save_npz(
        request.outputs / "golden.npz",
        images=images[: spec.golden_images],
        logits=golden_logits,
        predictions=predictions[: spec.golden_images],
    )
    save_npz(
        request.outputs / "test_set.npz",
        images=images,
        labels=test_set.labels.numpy().astype(np.uint8),
        predictions=predictions,
    )
    request.write_metrics(
        {
            "golden_images": spec.golden_images,
            "agreeing": spec.golden_images,
            "input_datatype": datatype,
            "input_shape": list(images.shape[1:]),
            "classes": checkpoint.findings.classes,
            "max_logit_difference": float(np.abs(exported - golden_logits).max()),
        }
    )


def to_qonnx(
    network: nn.Module, shape: tuple[int, ...], datatype: str, scratch: Path
) -> ModelWrapper:
    """Export and clean up.

    Args:
        network: In evaluation mode; takes whole numbers [N, *shape].
        shape: Of an image: (F,) or (C, H, W).
        datatype: Of the numbers in images, in QONNX' words.
        scratch: Folder for intermediate files.

    Returns:
        A model whose input is [1, *shape], annotated as of `datatype`.

    Raises:
        StageError: The network does what ONNX has no operator for.
    """
    path = scratch / "exported.onnx"
    try:
        # The dynamo exporter would put the weights into a second file.
        export_qonnx(network, args=torch.zeros(1, *shape), export_path=str(path), dynamo=False)
        model = cleanup_model(ModelWrapper(str(path)))
        _order_as_declared(model)
    except Exception as error:
        if of_the_disk(error) is not None:
            raise
        raise StageError(
            f"The network cannot be exported to QONNX. {said(error)}",
            "Use layers of Brevitas', and of torch what ONNX has an operator for.",
        ) from error
    model.set_tensor_datatype(model.graph.input[0].name, DataType[datatype])
    return model


def _order_as_declared(model: ModelWrapper) -> None:
    """Sort the nodes so that the first term of a sum comes before its second, as in declarations.

    Foldings that are lists follow that order; the clean-up sorts by distance from the input.
    """
    producers = {name: node for node in model.graph.node for name in node.output}
    placed: dict[str, Any] = {}
    waiting = [producers[model.graph.output[0].name]]
    while waiting:
        node = waiting[-1]
        sources = [producers[name] for name in node.input if name in producers]
        missing = [source for source in sources if source.output[0] not in placed]
        if missing:
            waiting.append(missing[0])
        else:
            placed[waiting.pop().output[0]] = node
    nodes = list(placed.values())
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def execute(
    model: ModelWrapper, images: npt.NDArray[np.generic], reporter: Reporter
) -> npt.NDArray[np.float32]:
    """Run the model on one image after another: float [N, classes] of whole numbers [N, ...]."""
    source, sink = model.graph.input[0].name, model.graph.output[0].name
    rows = []
    for done, image in enumerate(images, start=1):
        rows.append(execute_onnx(model, {source: image[np.newaxis].astype(np.float32)})[sink])
        if done % 50 == 0 or done == len(images):
            reporter.progress(done, len(images), "image", "exported model against torch")
    return np.concatenate(rows)


def _read_test_set(folder: Path, checkpoint: Checkpoint, spec: ExportSpec) -> Split:
    findings, trained = read_findings(folder), checkpoint.findings
    if findings != trained:
        raise StageError(
            f"The network was trained on {trained}; the data set has {findings}.",
            "Export with the data set that the network was trained on.",
        )
    size, flat = checkpoint.spec.image_size, checkpoint.spec.flat
    test_set = read_split(folder, "test", findings, size, flat=flat)
    if spec.golden_images > len(test_set):
        raise StageError(
            f"golden_images is {spec.golden_images}, the test set holds {len(test_set)}.",
            f"Ask for at most {len(test_set)}.",
        )
    return test_set


def _check_accuracy(
    checkpoint: Checkpoint, predictions: npt.NDArray[np.int64], test_set: Split
) -> None:
    """The network must be as good as when it was trained, or something is mixed up."""
    accuracy = float((predictions == test_set.labels.numpy()).mean())
    if abs(accuracy - checkpoint.accuracy) > ACCURACY_TOLERANCE:
        raise StageError(
            f"The network was trained to {checkpoint.accuracy:.2%} on its test set, but gets"
            f" {accuracy:.2%} right on this one.",
            "Export with the data set that the network was trained on.",
        )


def _check_agreement(expected: npt.NDArray[np.float32], exported: npt.NDArray[np.float32]) -> None:
    """Every prediction of the exported model must be torch's; of classes that tie, either is."""
    tie = TIE * float(np.ptp(expected))
    chosen = exported[np.arange(len(exported)), inference.predictions(expected)]
    wrong = np.flatnonzero(chosen < exported.max(axis=1) - tie)
    if len(wrong):
        worst = float(np.abs(expected - exported).max())
        raise StageError(
            f"The exported model disagrees with torch on {len(wrong)} of {len(expected)} images,"
            f" first on test image {wrong[0]} (logits differ by up to {worst:.3g}).",
            "Keep to the pinned versions of torch, brevitas, qonnx and onnx; with them, report it.",
        )
