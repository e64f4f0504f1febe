"""The compilation, step by step: each function takes a model and returns the next one.

The order and the transformations are FINN's own; see `compile` for what is checked after each.
None changes the model that it was given.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from finn.transformation.fpgadataflow.convert_to_hw.conv_inp_gen import InferConvInpGen
from finn.transformation.fpgadataflow.convert_to_hw.duplicate_streams import (
    InferDuplicateStreamsLayer,
)
from finn.transformation.fpgadataflow.convert_to_hw.elementwise_binary_operation import (
    InferElementwiseBinaryOperation,
)
from finn.transformation.fpgadataflow.convert_to_hw.fm_padding import InferFMPadding
from finn.transformation.fpgadataflow.convert_to_hw.global_acc_pool import InferGlobalAccPoolLayer
from finn.transformation.fpgadataflow.convert_to_hw.pool import InferPool
from finn.transformation.fpgadataflow.convert_to_hw.quantized_matrix_vector_activation import (
    InferQuantizedMatrixVectorActivation,
)
from finn.transformation.fpgadataflow.convert_to_hw.thresholding import InferThresholdingLayer
from finn.transformation.fpgadataflow.convert_to_hw.vector_vector_activation import (
    InferVectorVectorActivation,
)
from finn.transformation.fpgadataflow.create_dataflow_partition import CreateDataflowPartition
from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
from finn.transformation.fpgadataflow.prepare_ip import PrepareIP, _codegen_single_node
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from finn.transformation.move_reshape import RemoveCNVtoFCFlatten
from finn.transformation.qonnx.convert_qonnx_to_finn import ConvertQONNXtoFINN
from finn.transformation.streamline.absorb import AbsorbConsecutiveTransposes
from finn.util.fpgadataflow import is_rtl_node
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.general import (
    GiveReadableTensorNames,
    GiveUniqueNodeNames,
    RemoveStaticGraphInputs,
    SortGraph,
)
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.cleanup import cleanup_model

from finn_worker import bit_widths, truncations, unsupported
from finn_worker.averages import AveragesOfImages
from finn_worker.clock import period_ns
from finn_worker.imported import ranges, windows
from finn_worker.input_quantizer import InputQuantizer
from stagekit import StageError


def qonnx_to_finn(model: ModelWrapper) -> ModelWrapper:
    """Quantizers become integer weights and MultiThresholds (FINN's dialect of ONNX)."""
    model = cleanup_model(model)
    ranges.clips_into_quantizers(model)
    windows.pads_into_convolutions(model)
    for transformation in (
        AveragesOfImages(),
        truncations.ExactScales(),
        InputQuantizer(),
        ConvertQONNXtoFINN(),
    ):
        model = model.transform(transformation)
    return model


def tidy_up(model: ModelWrapper) -> ModelWrapper:
    """Infer shapes and datatypes, fold constants, give readable names."""
    for transformation in (
        InferShapes(),
        FoldConstants(),
        GiveUniqueNodeNames(),
        GiveReadableTensorNames(),
        InferDataTypes(),
        RemoveStaticGraphInputs(),
    ):
        model = model.transform(transformation)
    return model


def convert_to_hardware(model: ModelWrapper) -> ModelWrapper:
    """MatMuls become MVAUs or VVAUs, MultiThresholds standalone Thresholdings, and so on.

    Thresholds stay standalone because the RTL variant of the MVAU has no activation of its own.
    """
    for transformation in (
        InferThresholdingLayer(),
        InferQuantizedMatrixVectorActivation(),
        InferVectorVectorActivation(),
        InferFMPadding(),
        InferPool(),
        InferConvInpGen(),
        RemoveCNVtoFCFlatten(),
        InferElementwiseBinaryOperation(_adds_two_streams),
        InferGlobalAccPoolLayer(),
        InferDuplicateStreamsLayer(),
        AbsorbConsecutiveTransposes(),
        RemoveCNVtoFCFlatten(),
        GiveUniqueNodeNames(),
        InferDataLayouts(),
        InferDataTypes(),
        InferShapes(),
    ):
        model = model.transform(transformation)
    return bit_widths.minimize(model)


def _adds_two_streams(model: ModelWrapper, node: Any) -> bool:
    """Whether it is a sum that belongs into hardware: scales and shifts are the host's."""
    constants = [model.get_initializer(name) for name in node.input]
    datatypes = [model.get_tensor_datatype(name) for name in node.input]
    integers = all(datatype.is_integer() for datatype in datatypes)
    return node.op_type == "Add" and integers and all(value is None for value in constants)


def partition(model: ModelWrapper, folder: Path) -> ModelWrapper:
    """The accelerator's graph: the hardware layers without what the host computes after them.

    Args:
        model: With hardware layers.
        folder: Where FINN+ writes the graph.

    Its layers have the names by which they are folded: MVAU_0 and so on, as data pass them.
    """
    parent = model.transform(CreateDataflowPartition(partition_model_dir=str(folder)))
    parts = parent.get_nodes_by_op_type("StreamingDataflowPartition")
    if len(parts) != 1:
        raise StageError(
            f"The hardware layers form {len(parts)} separate graphs.",
            "Use a network in which each layer feeds the next one.",
        )
    found = ModelWrapper(getCustomOp(parts[0]).get_nodeattr("model"))
    return found.transform(SortGraph()).transform(GiveUniqueNodeNames())


def specialize_rtl(model: ModelWrapper, part: str) -> ModelWrapper:
    """The RTL variant of every layer, and width converters between them: what is simulated.

    Raises:
        StageError: FINN+ has no RTL variant of a layer for this part.
    """
    model = copy.deepcopy(model)
    for node in model.graph.node:
        layer = getCustomOp(node)
        layer.set_nodeattr("preferred_impl_style", "rtl")
        if node.op_type == "MVAU":
            layer.set_nodeattr("resType", "dsp")
    model = specialize_for_board(model, part)
    unsupported.check_all_rtl(model, part)
    return model


def specialize_for_board(model: ModelWrapper, part: str) -> ModelWrapper:
    """The variant of each layer that FINN+ prefers, and width converters between them.

    At fewer than 4 bits that is an MVAU in HLS, which multiplies in LUTs; above, one in RTL.
    """
    for transformation in (
        SpecializeLayers(part),
        InsertDWC(),
        SpecializeLayers(part),
        KeepOrder([node.output[0] for node in model.graph.node]),
        GiveUniqueNodeNames(),
        GiveReadableTensorNames(),
        InferShapes(),
        InferDataTypes(),
    ):
        model = model.transform(transformation)
    return bit_widths.minimize(model)


def generate_rtl(model: ModelWrapper, part: str, clock_mhz: float) -> ModelWrapper:
    """Generate the Verilog and memory files of every layer that FINN+ has in RTL.

    Below the folder of `toolchain.prepare`.
    """
    return model.transform(_GenerateRtl(part, period_ns(clock_mhz)))


class KeepOrder(Transformation):
    """Nodes in the order that they had, and each new one before what takes its output.

    So the layers of each kind have the same numbers as before. Sorting anew may swap those of two
    branches.

    Args:
        outputs: The first output of each node, in a topological order.
    """

    def __init__(self, outputs: Sequence[str]) -> None:
        super().__init__()
        self._outputs = outputs

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, Literal[False]]:
        """Apply the transformation."""
        makers = {name: node for node in model.graph.node for name in node.output}
        placed: dict[str, Any] = {}

        def place(node: Any) -> None:
            for maker in (makers[name] for name in node.input if name in makers):
                if maker.output[0] not in placed:
                    place(maker)
            placed[node.output[0]] = copy.deepcopy(node)

        for name in self._outputs:
            place(makers[name])
        del model.graph.node[:]
        model.graph.node.extend(placed.values())
        return model, False


class _GenerateRtl(PrepareIP):
    """FINN+'s generation of code, but for layers in HLS: nothing compiles their C++ here."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, Literal[False]]:
        """Apply the transformation."""
        for node in model.graph.node:
            if is_rtl_node(node):
                _codegen_single_node(node, model, self.fpgapart, self.clk)
        return model, False
