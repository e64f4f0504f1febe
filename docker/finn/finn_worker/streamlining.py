"""Streamlining: floating-point scales and shifts become thresholds, by a recipe for the topology.

The transformations and most of their order are FINN's: that of its own builder for layers in a
row, `custom_step_library/resnet.py` where the network branches, `custom_step_library/mobilenet.py`
for depthwise convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finn.transformation.fpgadataflow.convert_to_hw.global_acc_pool import InferGlobalAccPoolLayer
from finn.transformation.streamline import Streamline, absorb, reorder
from finn.transformation.streamline.collapse_repeated import CollapseRepeatedMul
from finn.transformation.streamline.round_thresholds import RoundAndClipThresholds
from finn.transformation.streamline.streamline_plus import StreamlinePlus
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.change_datalayout import ChangeDataLayoutQuantAvgPool2d
from qonnx.transformation.general import (
    GiveReadableTensorNames,
    GiveUniqueNodeNames,
    RemoveUnusedTensors,
)
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul
from qonnx.transformation.remove import RemoveIdentityOps
from qonnx.util.basic import get_by_name

from finn_worker.bipolar import OneBitAsTwo

Recipe = Sequence[Transformation]


def streamline(model: ModelWrapper) -> ModelWrapper:
    """Collapse scales and shifts into thresholds; what is left stays at the end.

    Convolutions become matrix multiplications on windows, channels last.
    """
    if branches(model):
        model = _apply(model, _branching())
    elif any(map(is_depthwise, model.get_nodes_by_op_type("Conv"))):
        model = _apply(model, _depthwise())
    else:
        model = _apply(model, _in_a_row())
    if model.get_nodes_by_op_type("GlobalAveragePool"):
        model = _apply(model, _global_pool())
    # Transformations give new tensors random names: without those, equal models are equal bytes.
    named = (GiveUniqueNodeNames(), GiveReadableTensorNames())
    return _apply(model, (OneBitAsTwo(), *named, InferDataLayouts(), RemoveUnusedTensors()))


def branches(model: ModelWrapper) -> bool:
    """Whether several nodes take the output of one."""
    tensors = [model.graph.input[0].name, *(name for n in model.graph.node for name in n.output)]
    return any(len(model.find_consumers(tensor)) > 1 for tensor in tensors)


def is_depthwise(conv: Any) -> bool:
    """Whether a Conv has a group for each channel, or several groups at all."""
    group = get_by_name(conv.attribute, "group")
    return group is not None and group.i > 1


def _in_a_row() -> Recipe:
    return (
        absorb.AbsorbScalarBiasIntoMultiThreshold(),
        Streamline(),
        *_channels_last(),
        # The second pass takes what the first one brought together.
        Streamline(),
    )


def _channels_last() -> Recipe:
    """Convolutions on windows, and transposes moved to where they vanish."""
    return (
        LowerConvsToMatMul(),
        reorder.MakeMaxPoolNHWC(),
        absorb.AbsorbTransposeIntoMultiThreshold(),
        reorder.MakeMaxPoolNHWC(),
        absorb.AbsorbConsecutiveTransposes(),
    )


def _branching() -> Recipe:
    return (
        reorder.MoveMulPastAdd(),
        absorb.AbsorbScalarBiasIntoMultiThreshold(),
        StreamlinePlus(),
        LowerConvsToMatMul(),
        MaxPoolChannelsLast(),
        absorb.AbsorbAddIntoMultiThreshold(),
        absorb.AbsorbTransposeIntoMultiThreshold(),
        StreamlinePlus(),
    )


def _depthwise() -> Recipe:
    named = (GiveUniqueNodeNames(), GiveReadableTensorNames(), InferDataTypes())
    steps: Recipe = (
        reorder.MoveMulPastDWConv(),
        absorb.AbsorbMulIntoMultiThreshold(),
        ChangeDataLayoutQuantAvgPool2d(),
        InferDataLayouts(),
        reorder.MoveTransposePastScalarMul(),
        absorb.AbsorbTransposeIntoFlatten(),
        reorder.MoveFlattenPastAffine(),
        reorder.MoveScalarMulPastMatMul(),
        CollapseRepeatedMul(),
        RemoveIdentityOps(),
        RoundAndClipThresholds(),
    )
    return (
        Streamline(),
        *(each for step in steps for each in (step, *named)),
        *_channels_last(),
        Streamline(),
    )


def _global_pool() -> Recipe:
    """An average as a sum, whose scale passes the layer that follows."""
    return (
        InferDataTypes(),
        InferDataLayouts(),
        InferGlobalAccPoolLayer(),
        absorb.AbsorbConsecutiveTransposes(),
        reorder.MoveTransposePastScalarMul(),
        reorder.MoveScalarLinearPastInvariants(),
        absorb.AbsorbTransposeIntoFlatten(),
        reorder.MoveScalarMulPastMatMul(),
        Streamline(),
    )


class MaxPoolChannelsLast(Transformation):
    """Every MaxPool with its channels last, between two transposes.

    FINN's MakeMaxPoolNHWC takes a transpose behind a MaxPool away from other branches, too.
    """

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Apply the transformation."""
        nodes = list(model.graph.node)
        for pool in model.get_nodes_by_op_type("MaxPool"):
            source, result = pool.input[0], pool.output[0]
            before, after = (model.make_new_valueinfo_name() for _ in range(2))
            for new, old in ((before, source), (after, result)):
                n, c, h, w = model.get_tensor_shape(old)
                model.set_tensor_shape(new, [n, h, w, c])
                model.set_tensor_datatype(new, model.get_tensor_datatype(old))
            made = helper.make_node(
                "MaxPoolNHWC", [before], [after], domain="qonnx.custom_op.general"
            )
            made.attribute.extend(pool.attribute)
            first = helper.make_node("Transpose", [source], [before], perm=[0, 2, 3, 1])
            last = helper.make_node("Transpose", [after], [result], perm=[0, 3, 1, 2])
            at = nodes.index(pool)
            model.graph.node.remove(pool)
            for offset, node in enumerate((first, made, last)):
                model.graph.node.insert(at + offset, node)
            nodes[at : at + 1] = [first, made, last]
        return model, False


def _apply(model: ModelWrapper, recipe: Recipe) -> ModelWrapper:
    for transformation in recipe:
        model = model.transform(transformation)
    return model
