"""What ties explain, and what they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

from finn_worker import ties
from finn_worker.verdict import judge
from finn_worker.verification import execute
from quantized_mlp import QuantizedMLP


def exported(network: QuantizedMLP) -> ModelWrapper:
    return network.to_qonnx().transform(InferShapes())


@pytest.fixture
def tied() -> QuantizedMLP:
    """A network whose first image has a first activation that lies exactly on a boundary."""
    network = QuantizedMLP((64, 16, 8, 4), act_bits=2)
    first = network.layers[0]
    limit = 2 ** (network.weight_bits - 1) - 1
    weights = np.clip(np.round(first.weights / first.weight_scale), -limit, limit)
    sums = network.images[0] / 255.0 @ (weights * first.weight_scale).T
    values = (sums - first.mean) / np.sqrt(first.variance + 1e-5) * first.gain
    # -0.5 steps: to even is 0, downwards -1, upwards 0.
    first.offset = (-0.5 * first.act_scale - values).astype(np.float32).astype(np.float64)
    return network


def test_rounding_a_tie_the_other_way_gives_other_logits(tied: QuantizedMLP) -> None:
    images = tied.images[:1].astype(np.float32)
    model = exported(tied)
    even, up, down = ties.outcomes(model, images)
    np.testing.assert_array_equal(even, execute(model, images))
    assert not np.allclose(up, down)


def test_away_from_every_boundary_all_ways_agree() -> None:
    network = QuantizedMLP()
    even, up, down = ties.outcomes(exported(network), network.images.astype(np.float32))
    np.testing.assert_allclose(up, even, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(down, even, rtol=1e-4, atol=1e-4)


def test_classes_apart_by_a_tie_are_explained_and_no_others(tied: QuantizedMLP) -> None:
    model, images = exported(tied), tied.images.astype(np.float32)
    _, up, down = (logits.argmax(axis=1) for logits in ties.outcomes(model, images))
    assert up[0] != down[0], "the tie decides the class of the first image"
    found = ties.explained(model, images, down, up)
    assert found[0]
    third = next(c for c in range(4) if c not in (up[0], down[0]))
    for torch, accelerator in ((up[0], third), (third, up[0])):
        torchs, ours = (np.full(1, one) for one in (torch, accelerator))
        assert not ties.explained(model, images[:1], torchs, ours)[0]
    # The same classes of an image without the tie
    assert not ties.explained(model, 255 - images[:1], down[:1], up[:1])[0]


def test_nothing_is_asked_where_every_class_agrees(tmp_path: Path) -> None:
    outputs, classes = np.zeros((3, 2), np.int64), np.zeros(3, np.int64)
    images = np.zeros((3, 4), np.uint8)
    verdict = judge(outputs, outputs, (classes, classes), images, tmp_path / "not read.onnx")
    assert verdict.fault([]) == verdict.remark() == ""
    assert verdict.as_metrics()["torch_ties"] == 0


def test_a_tie_is_remarked_on_and_is_no_fault(tied: QuantizedMLP, tmp_path: Path) -> None:
    model = exported(tied)
    model.save(str(tmp_path / "model.onnx"))
    images = tied.images[:2]
    _, up, down = (
        logits.argmax(axis=1) for logits in ties.outcomes(model, images.astype(np.float32))
    )
    ours = np.array([up[0], down[1]])
    outputs = np.zeros((2, 4), np.int64)
    verdict = judge(outputs, outputs, (ours, down), images, tmp_path / "model.onnx")
    assert verdict.fault([]) == ""
    assert verdict.remark().startswith("1 of 2 images are of another class")
    assert (verdict.as_metrics()["agreeing_with_torch"], verdict.as_metrics()["torch_ties"]) == (
        1,
        1,
    )
