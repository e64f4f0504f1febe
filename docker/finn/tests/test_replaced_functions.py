"""What we put in the place of QONNX' own functions gives what those give."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.custom_op.general import im2col

from finn_worker import datatypes
from finn_worker.im2col import windows
from finn_worker.node_execution import largest, session

OWN_ALLOWED, OWN_IM2COL = datatypes._qonnxs_own, im2col.im2col_indices_nchw


@pytest.mark.parametrize("name", ["INT2", "UINT2", "INT8", "UINT8", "INT24", "UINT1"])
def test_numbers_of_a_datatype_are_qonnxs(name: str) -> None:
    datatype = DataType[name]
    ends = [datatype.min(), datatype.max()]
    values = [end + by for end in ends for by in (-1, -0.5, 0, 0.5, 1)] + [np.inf, -np.inf, np.nan]
    for value in values:
        for kind in (np.float32, np.float64, float):
            assert bool(datatypes.allowed(datatype, kind(value))) == bool(
                OWN_ALLOWED(datatype, kind(value))
            ), (name, value)
    array = np.array(values[:-3])
    np.testing.assert_array_equal(datatypes.allowed(datatype, array), OWN_ALLOWED(datatype, array))


@pytest.mark.parametrize(
    ("kernel", "pads", "stride", "dilation"),
    [
        ((3, 3), (0, 0, 0, 0), (1, 1), (1, 1)),
        ((3, 2), (1, 0, 2, 1), (2, 1), (1, 2)),
        ((1, 1), (0, 0, 0, 0), (2, 2), (1, 1)),
        ((2, 2), (1, 1, 1, 1), (2, 2), (2, 2)),
        ((1, 5), (0, 2, 0, 2), (1, 3), (1, 1)),
    ],
)
def test_windows_of_one_image_are_qonnxs_and_batches_are_images(
    kernel: tuple[int, int],
    pads: tuple[int, int, int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> None:
    images = np.random.default_rng(0).normal(size=(4, 3, 9, 8)).astype(np.float32)
    arguments = (9, 8, *kernel, pads, *stride, 7, *dilation)
    together = windows(images, *arguments)
    for image, got in zip(images, together, strict=True):
        alone = OWN_IM2COL(image[np.newaxis], *arguments)
        np.testing.assert_array_equal(got.reshape(alone.shape), alone)


def test_the_largest_is_pythons() -> None:
    values = np.random.default_rng(0).normal(size=50).astype(np.float32)
    assert largest(values) == max(values)
    assert largest(values[:1]) == values[0]
    assert largest([3, 1]) == 3
    assert largest(3, 7) == 7
    # What is no number is larger than any error that QONNX accepts.
    assert not largest(np.asarray([0.0, np.nan])) <= 1e9


def test_a_session_of_one_thread_computes_what_others_do() -> None:
    a, b, c = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("a", [8, 300]), ("b", [300, 40]), ("c", [8, 40]))
    )
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "g", [a, b], [c])
    opsets = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    rng = np.random.default_rng(0)
    inputs = {"a": rng.normal(size=(8, 300)), "b": rng.normal(size=(300, 40))}
    inputs = {name: values.astype(np.float32) for name, values in inputs.items()}
    (ours,) = session(model).run(None, inputs)
    (theirs,) = onnxruntime.InferenceSession(model).run(None, inputs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert session(model).get_session_options().intra_op_num_threads == 1
