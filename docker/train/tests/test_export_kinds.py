"""What the compiler is given of bipolar, residual and depthwise networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from test_lean_images import IMAGE, network
from torch import nn

from train_worker.export import to_qonnx

BITS = (1, 4)


@pytest.fixture(params=BITS)
def bits(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def exported(made: nn.Module, folder: Path) -> ModelWrapper:
    """As the export stage does it, of a network that has seen some images."""
    with torch.no_grad():
        for _ in range(3):
            made.train()(torch.randint(0, 256, (8, *IMAGE)).float())
    return to_qonnx(made.eval(), IMAGE, "UINT8", folder)


@pytest.mark.parametrize("kind", ["pools", "depthwise", "residual"])
def test_the_exported_model_computes_what_torch_does(kind: str, bits: int, tmp_path: Path) -> None:
    made = network(kind, bits)
    model = exported(made, tmp_path)
    images = torch.randint(0, 256, (3, *IMAGE)).float()
    with torch.no_grad():
        wanted = made(images).numpy()
    source, sink = model.graph.input[0].name, model.graph.output[0].name
    found = [execute_onnx(model, {source: image[None].numpy()})[sink] for image in images]
    np.testing.assert_allclose(np.concatenate(found), wanted, rtol=1e-3, atol=1e-3)


def test_one_bit_has_a_scale_of_one(tmp_path: Path) -> None:
    """Any other would stay in the hardware, which refuses it."""
    model = exported(network("pools", 1), tmp_path)
    quantizers = model.get_nodes_by_op_type("BipolarQuant")
    assert len(quantizers) == 2 + 1
    assert not model.get_nodes_by_op_type("Quant")
    assert all((model.get_initializer(node.input[1]) == 1.0).all() for node in quantizers)


def test_both_terms_of_a_sum_have_one_scale(tmp_path: Path) -> None:
    """FINN adds integers."""
    model = exported(network("residual", 4), tmp_path)
    sums = model.get_nodes_by_op_type("Add")
    assert len(sums) == 2
    for node in sums:
        terms = [model.find_producer(name) for name in node.input]
        assert [term.op_type for term in terms] == ["Quant", "Quant"]
        scales = [float(model.get_initializer(term.input[1])) for term in terms]
        assert scales[0] == scales[1]


def test_an_average_over_the_image_is_one_operator(tmp_path: Path) -> None:
    """FINN knows no other."""
    model = exported(network("residual", 4), tmp_path)
    assert len(model.get_nodes_by_op_type("GlobalAveragePool")) == 1


def test_a_branch_comes_before_its_shortcut(tmp_path: Path) -> None:
    """Lists of foldings follow the declaration."""
    made = network("residual", 4)
    model = exported(made, tmp_path)
    shapes = [
        tuple(model.get_tensor_shape(node.input[1])) for node in model.get_nodes_by_op_type("Conv")
    ]
    convolutions = [layer for layer in made.modules() if isinstance(layer, nn.Conv2d)]
    assert shapes == [tuple(layer.weight.shape) for layer in convolutions]
