"""A quantizer on the network's input, as thresholds of the whole numbers that images hold.

An image's numbers have 8 bits at most, so whatever is done to each of them up to the first
quantizer (scales, means, rounding) is a table of 256 entries. The table is computed by executing
these nodes; thresholds follow from it exactly, however ties are rounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.util.basic import qonnx_make_model

Table = npt.NDArray[np.float64]
QUANTIZERS = frozenset({"BipolarQuant", "IntQuant", "MultiThreshold", "Quant"})
BEFORE = frozenset({"Add", "BatchNormalization", "Clip", "Div", "Mul", "Relu", "Sub"})
LARGEST_BITS = 8
# A level may be off a whole number by this, from rounding in float32.
NEAR = 1e-3


class InputQuantizer(Transformation):
    """The nodes up to a quantizer on the input become one MultiThreshold, and its scale."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Apply the transformation; what cannot be a table stays as it is."""
        chain = _chain(model)
        source = model.graph.input[0].name
        datatype = model.get_tensor_datatype(source)
        if not chain or not datatype.is_integer() or datatype.bitwidth() > LARGEST_BITS:
            return model, False
        apart = 2 if datatype.name == "BIPOLAR" else 1
        numbers = np.arange(datatype.min(), datatype.max() + 1, apart, dtype=np.float32)
        found = _levels(model, chain[-1], _table(model, chain, numbers))
        # FINN has no thresholds for bipolar numbers; a bipolar quantizer leaves them as they are.
        if found is None or (apart == 2 and not _unchanged(found[0], numbers)):
            return model, False
        _replace(model, chain, numbers, *found)
        return model.transform(InferDataTypes()), False


def _chain(model: ModelWrapper) -> list[Any]:
    """The nodes from the input to a quantizer; empty where there is none."""
    found: list[Any] = []
    tensor = model.graph.input[0].name
    while True:
        nodes = model.find_consumers(tensor)
        if len(nodes) != 1 or nodes[0].op_type not in BEFORE | QUANTIZERS:
            return []
        node = nodes[0]
        operands = [name for name in node.input if name and name != tensor]
        if any(model.get_initializer(name) is None for name in operands):
            return []
        found.append(node)
        if node.op_type in QUANTIZERS:
            return found
        tensor = node.output[0]


def _table(model: ModelWrapper, chain: list[Any], numbers: npt.NDArray[np.float32]) -> Table | None:
    """[numbers, channels]: what the nodes make of each; None where pixels are treated unequally."""
    source, result = model.graph.input[0].name, chain[-1].output[0]
    shape = model.get_tensor_shape(source)
    pixel = [len(numbers), shape[1], *(1 for _ in shape[2:])]
    operands = {name for node in chain for name in node.input} - {source}
    constants = {name: model.get_initializer(name) for name in operands}
    if len(shape) > 2 and any(
        _differs_by_pixel(each) for each in constants.values() if each is not None
    ):
        return None
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, pixel) for name in (source, result)
    ]
    part = ModelWrapper(
        qonnx_make_model(
            helper.make_graph(chain, "head", values[:1], values[1:]),
            opset_imports=list(model.model.opset_import),
        )
    )
    for node in chain:
        for name in node.output:
            part.set_tensor_shape(name, pixel)
        for name in node.input:
            if constants.get(name) is not None:
                part.set_initializer(name, constants[name])
    filled = np.broadcast_to(numbers.reshape(-1, *(1 for _ in shape[1:])), pixel)
    outputs = execute_onnx(part, {source: np.ascontiguousarray(filled)})[result]
    return np.asarray(outputs, np.float64).reshape(len(numbers), -1)


def _differs_by_pixel(constant: npt.NDArray[Any]) -> bool:
    """Whether a constant of a convolutional network has more than one value per channel."""
    return constant.ndim > 2 and any(size > 1 for size in constant.shape[-2:])


def _levels(
    model: ModelWrapper, quantizer: Any, table: Table | None
) -> tuple[npt.NDArray[np.int64], Any, float] | None:
    """Whole-number levels [numbers, channels], and the scale and zero point that make them values.

    None where they do not rise with the number, or are none.
    """
    if table is None:
        return None
    scale: Any = 1.0
    zero_point = 0.0
    if quantizer.op_type == "MultiThreshold":
        thresholds = getCustomOp(quantizer)
        factor, bias = (thresholds.get_nodeattr(name) for name in ("out_scale", "out_bias"))
        if not _whole(table):
            scale, zero_point = factor, -bias / factor
    else:
        scale = model.get_initializer(quantizer.input[1])
        if quantizer.op_type != "BipolarQuant":
            zero_point = float(model.get_initializer(quantizer.input[2]).reshape(-1)[0])
    per_channel = np.asarray(scale, np.float64).reshape(1, -1)
    levels = table / per_channel + zero_point
    rises = (np.diff(levels, axis=0) > -NEAR).all()
    if not rises or not _whole(levels) or not _whole(np.asarray(zero_point)):
        return None
    return np.rint(levels).astype(np.int64), scale, zero_point


def _unchanged(levels: npt.NDArray[np.int64], numbers: npt.NDArray[np.float32]) -> bool:
    return bool((levels == numbers[:, np.newaxis]).all())


def _whole(values: npt.NDArray[Any]) -> bool:
    return bool((np.abs(values - np.rint(values)) < NEAR).all())


def _replace(
    model: ModelWrapper,
    chain: list[Any],
    numbers: npt.NDArray[np.float32],
    levels: npt.NDArray[np.int64],
    scale: Any,
    zero_point: float,
) -> None:
    source, result = chain[0].input[0], chain[-1].output[0]
    source = model.graph.input[0].name
    shape = model.get_tensor_shape(source)
    made = []
    tensor = source
    if not _unchanged(levels, numbers):
        tensor = _step(model, shape)
        made.append(_thresholds(model, numbers, levels, source, tensor, shape))
    if zero_point:
        made.append(_operation(model, "Sub", tensor, zero_point, shape))
        tensor = made[-1].output[0]
    scale = np.asarray(scale, np.float32)
    made.append(_operation(model, "Mul", tensor, scale, shape))
    made[-1].output[0] = result
    for node in chain:
        model.graph.node.remove(node)
    for at, node in enumerate(made):
        model.graph.node.insert(at, node)


def _thresholds(
    model: ModelWrapper,
    numbers: npt.NDArray[np.float32],
    levels: npt.NDArray[np.int64],
    source: str,
    result: str,
    shape: list[int],
) -> Any:
    """One more level is reached from each threshold on; some from the least, some never."""
    datatype = _holding(int(levels.min()), int(levels.max()))
    wanted = np.arange(int(datatype.min()) + 1, int(datatype.max()) + 1)
    # [channels, thresholds]: how many numbers stay below each.
    below = (levels[:, :, np.newaxis] < wanted).sum(axis=0)
    found = numbers[0] + below.astype(np.float32)
    if (found == found[0]).all():
        found = found[:1]
    name = str(model.make_new_valueinfo_name())
    model.set_initializer(name, found)
    model.set_tensor_datatype(result, datatype)
    return helper.make_node(
        "MultiThreshold",
        [source, name],
        [result],
        domain="qonnx.custom_op.general",
        out_dtype=datatype.name,
        out_bias=float(datatype.min()),
        data_layout="NCHW"[: len(shape)],
    )


def _holding(low: int, high: int) -> Any:
    """The datatype of 2 bits or more that holds these."""
    bits = 2
    while True:
        datatype = DataType[f"{'INT' if low < 0 else 'UINT'}{bits}"]
        if datatype.min() <= low and high <= datatype.max():
            return datatype
        bits += 1


def _operation(model: ModelWrapper, kind: str, tensor: str, operand: Any, shape: list[int]) -> Any:
    name = str(model.make_new_valueinfo_name())
    model.set_initializer(name, np.asarray(operand, np.float32))
    return helper.make_node(kind, [tensor, name], [_step(model, shape)])


def _step(model: ModelWrapper, shape: list[int]) -> str:
    """A new tensor between two of the nodes."""
    name = str(model.make_new_valueinfo_name())
    model.set_tensor_shape(name, shape)
    return name
