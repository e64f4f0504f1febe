"""The export stage, run for real on a small network."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from torch import nn

from conftest import (
    CLASSES,
    IMAGE_SIZE,
    TRAIN_SPEC,
    Outcome,
    change_split,
    make_request,
    run_here,
    run_worker,
    write_dataset,
)
from contract.arrays import load_npz
from stagekit import StageError
from train_worker import inference
from train_worker.checkpoint import Checkpoint
from train_worker.export import _check_agreement, export

INPUTS = IMAGE_SIZE**2


def failed_export(tmp_path: Path, dataset: Path, train: Path, golden_images: int = 100) -> str:
    """The reason of an export that must fail, say what to do, and leave nothing."""
    spec = {"golden_images": golden_images}
    request = make_request(tmp_path / "run", "export", spec, {"dataset": dataset, "train": train})
    with pytest.raises(StageError) as caught:
        run_here(export, request)
    assert caught.value.remedy
    assert list(request.outputs.iterdir()) == []
    return caught.value.what


def saved(checkpoint: Checkpoint, folder: Path) -> Path:
    """A train stage's outputs with another checkpoint."""
    folder.mkdir()
    checkpoint.save(folder / "checkpoint.pt")
    return folder


def test_model_takes_the_flat_8_bit_image(exported: Outcome) -> None:
    assert exported.result["status"] == "done", exported.log
    model = ModelWrapper(str(exported.outputs / "model.onnx"))
    (source,) = model.graph.input
    assert model.get_tensor_shape(source.name) == [1, INPUTS]
    assert model.get_tensor_datatype(source.name) == DataType["UINT8"]
    assert model.get_tensor_shape(model.graph.output[0].name) == [1, CLASSES]
    kinds = [node.op_type for node in model.graph.node]
    # The dropouts are gone, and nothing quantizes the input.
    assert sorted(set(kinds)) == ["BatchNormalization", "Div", "MatMul", "Quant"]
    assert kinds.count("Quant") == 4 + 3


def test_model_agrees_with_what_was_kept(exported: Outcome, dataset: Path) -> None:
    model = ModelWrapper(str(exported.outputs / "model.onnx"))
    golden = np.load(exported.outputs / "golden.npz")
    assert golden["images"].shape == (100, INPUTS)
    assert golden["images"].dtype == np.uint8
    assert golden["logits"].dtype == np.float32
    assert golden["predictions"].dtype == np.int64
    source, sink = model.graph.input[0].name, model.graph.output[0].name
    for image, logits, prediction in zip(
        golden["images"], golden["logits"], golden["predictions"], strict=True
    ):
        output = execute_onnx(model, {source: image[None].astype(np.float32)})[sink]
        assert output.argmax() == prediction
        assert np.abs(output[0] - logits).max() <= exported.metrics["max_logit_difference"]


def test_whole_test_set_is_kept_with_torchs_predictions(
    exported: Outcome, trained: Outcome
) -> None:
    test_set = np.load(exported.outputs / "test_set.npz")
    assert test_set["images"].shape == (150, INPUTS)
    assert (test_set["images"].dtype, test_set["labels"].dtype) == (np.uint8, np.uint8)
    accuracy = (test_set["predictions"] == test_set["labels"]).mean()
    assert accuracy == pytest.approx(trained.metrics["accuracy"])
    golden = np.load(exported.outputs / "golden.npz")
    assert (golden["images"] == test_set["images"][:100]).all()
    assert (golden["predictions"] == test_set["predictions"][:100]).all()


def test_metrics(exported: Outcome) -> None:
    metrics = exported.metrics
    assert metrics.pop("max_logit_difference") < 1e-4
    assert metrics == {
        "golden_images": 100,
        "agreeing": 100,
        "input_datatype": "UINT8",
        "input_shape": [INPUTS],
        "classes": CLASSES,
    }


def test_same_request_same_bytes(
    exported: Outcome, trained: Outcome, dataset: Path, tmp_path: Path
) -> None:
    inputs = {"dataset": dataset, "train": trained.outputs}
    again = run_worker(tmp_path / "again", "export", {"golden_images": 100}, inputs, threads=2)
    assert again.hashes() == exported.hashes()
    assert set(again.hashes()) == {"golden.npz", "metrics.json", "model.onnx", "test_set.npz"}


def test_model_names_no_folder(exported: Outcome) -> None:
    content = (exported.outputs / "model.onnx").read_bytes()
    assert str(exported.outputs.parent).encode() not in content
    assert not any(node.doc_string for node in onnx.load_from_string(content).graph.node)


def test_disagreement_on_one_image_is_an_error() -> None:
    expected = np.array([[0.0, 1.0], [1.0, 0.0]], dtype=np.float32)
    _check_agreement(expected, expected + 0.25)
    with pytest.raises(StageError, match="on 1 of 2 images, first on test image 1"):
        _check_agreement(expected, np.array([[0.0, 1.0], [1.0, 2.0]], dtype=np.float32))


def test_of_classes_that_tie_either_is_right() -> None:
    """Without a BatchNorm the last layer's logits are whole numbers, and torch rounds them."""
    expected = np.array([[0.0, 5.0, 5.000001], [9.0, 1.0, 0.0]], dtype=np.float32)
    _check_agreement(expected, np.array([[0.0, 5.0, 5.0], [9.0, 1.0, 0.0]], dtype=np.float32))
    with pytest.raises(StageError, match="on 1 of 2 images"):
        _check_agreement(expected, np.array([[0.0, 5.0, 5.1], [9.0, 1.0, 0.0]], dtype=np.float32))


def test_prediction_is_the_first_of_equals() -> None:
    values = np.array([[1, 3, 3], [2, 2, 1]], dtype=np.float32)
    assert inference.predictions(values).tolist() == [1, 0]


def test_checkpoint_missing(tmp_path: Path, dataset: Path) -> None:
    assert "checkpoint.pt cannot be read" in failed_export(tmp_path, dataset, tmp_path)


@pytest.mark.parametrize("kept", [0, 100, 20_000])
def test_checkpoint_cut_short(trained: Outcome, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes((trained.outputs / "checkpoint.pt").read_bytes()[:kept])
    with pytest.raises(StageError, match=r"checkpoint\.pt cannot be read"):
        Checkpoint.load(path)


@pytest.mark.parametrize("content", [[1, 2], {"format": 0}])
def test_not_our_checkpoint(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "checkpoint.pt")
    with pytest.raises(StageError, match="is not a checkpoint") as caught:
        Checkpoint.load(tmp_path / "checkpoint.pt")
    assert "Run the train stage again" in caught.value.remedy


def test_checkpoint_with_other_fields(trained: Outcome, tmp_path: Path) -> None:
    content = torch.load(trained.outputs / "checkpoint.pt", weights_only=True)
    content["spec"]["momentum"] = 0.9
    torch.save(content, tmp_path / "checkpoint.pt")
    with pytest.raises(StageError, match=r"other fields than this worker writes.*momentum"):
        Checkpoint.load(tmp_path / "checkpoint.pt")
    del content["spec"]
    torch.save(content, tmp_path / "checkpoint.pt")
    with pytest.raises(StageError, match=r"other fields than this worker writes.*spec"):
        Checkpoint.load(tmp_path / "checkpoint.pt")


def test_parameters_of_another_spec(trained: Outcome, dataset: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint.load(trained.outputs / "checkpoint.pt")
    larger = dataclasses.replace(checkpoint.spec, image_size=IMAGE_SIZE + 1)
    train = saved(dataclasses.replace(checkpoint, spec=larger), tmp_path / "train")
    assert "do not fit its spec" in failed_export(tmp_path, dataset, train)


def test_another_number_of_classes(trained: Outcome, tmp_path: Path) -> None:
    other = write_dataset(tmp_path / "other")
    findings = json.loads((other / "metrics.json").read_text()) | {"classes": 10}
    (other / "metrics.json").write_text(json.dumps(findings))
    reason = failed_export(tmp_path, other, trained.outputs)
    assert reason == (
        f"The network was trained on {CLASSES} classes of 1x12x12 images (UINT8, scale 0.00392157, "
        "zero point 0); the data set has 10 classes of 1x12x12 images (UINT8, scale 0.00392157, "
        "zero point 0)."
    )


def test_a_model_of_signed_images_says_so(tmp_path: Path) -> None:
    """The numbers of the data set are what the model takes, scaled inside of it."""
    dataset = write_dataset(tmp_path / "dataset")
    for name in ("train", "test"):
        (images,) = load_npz(dataset / f"{name}.npz", ["images"])
        change_split(dataset, name, images=(images.astype(np.int16) - 128).astype(np.int8))
    stated = {"datatype": "INT8", "scale": 2.0**-7, "zero_point": 3}
    findings = json.loads((dataset / "metrics.json").read_text()) | {"quantization": stated}
    (dataset / "metrics.json").write_text(json.dumps(findings))
    spec = TRAIN_SPEC | {"image_size": 0}
    trained = run_worker(tmp_path / "train", "train", spec, {"dataset": dataset})
    assert trained.metrics["accuracy"] > 0.9, trained.log
    inputs = {"dataset": dataset, "train": trained.outputs}
    exported = run_worker(tmp_path / "export", "export", {"golden_images": 100}, inputs)
    assert exported.metrics["input_datatype"] == "INT8"
    model = ModelWrapper(str(exported.outputs / "model.onnx"))
    assert model.get_tensor_datatype(model.graph.input[0].name) == DataType["INT8"]
    images, logits = load_npz(exported.outputs / "golden.npz", ["images", "logits"])
    assert images.dtype == np.int8
    assert images.shape == (100, 144)
    checkpoint = Checkpoint.load(trained.outputs / "checkpoint.pt")
    layers = checkpoint.network()
    assert isinstance(layers, nn.Sequential)
    values = (torch.from_numpy(images).float() - 3) / 128
    with torch.no_grad():
        assert np.allclose(layers[1:](values).numpy(), logits, atol=1e-5)


def test_another_test_set(trained: Outcome, tmp_path: Path) -> None:
    """Labels that are all off by one leave nothing right that was right."""
    other = write_dataset(tmp_path / "other")
    (labels,) = load_npz(other / "test.npz", ["labels"])
    change_split(other, "test", labels=((labels + 1) % CLASSES).astype(np.uint8))
    reason = failed_export(tmp_path, other, trained.outputs)
    assert "right on this one" in reason


def test_more_golden_images_than_there_are(trained: Outcome, dataset: Path, tmp_path: Path) -> None:
    reason = failed_export(tmp_path, dataset, trained.outputs, golden_images=151)
    assert reason == "golden_images is 151, the test set holds 150."
