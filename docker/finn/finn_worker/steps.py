"""The compilation, step by step: each function takes a model and returns the next one.

The order and the transformations are FINN's own; see `compile` for what is checked after each.
None changes the model that it was given.
"""

from __future__ import annotations

import copy
from pathlib import Path

from finn.transformation.fpgadataflow.convert_to_hw.quantized_matrix_vector_activation import (
    InferQuantizedMatrixVectorActivation,
)
from finn.transformation.fpgadataflow.convert_to_hw.thresholding import InferThresholdingLayer
from finn.transformation.fpgadataflow.create_dataflow_partition import CreateDataflowPartition
from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
from finn.transformation.fpgadataflow.prepare_ip import PrepareIP
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from finn.transformation.qonnx.convert_qonnx_to_finn import ConvertQONNXtoFINN
from finn.transformation.streamline import Streamline, absorb
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.general import (
    GiveReadableTensorNames,
    GiveUniqueNodeNames,
    RemoveStaticGraphInputs,
    RemoveUnusedTensors,
    SortGraph,
)
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.cleanup import cleanup_model

from finn_worker import bit_widths, unsupported
from finn_worker.clock import period_ns
from stagekit import StageError


def qonnx_to_finn(model: ModelWrapper) -> ModelWrapper:
    """Quantizers become integer weights and MultiThresholds (FINN's dialect of ONNX)."""
    return cleanup_model(model).transform(ConvertQONNXtoFINN())


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


def streamline(model: ModelWrapper) -> ModelWrapper:
    """Collapse floating-point scales and shifts into thresholds; what is left stays at the end."""
    for transformation in (
        absorb.AbsorbScalarBiasIntoMultiThreshold(),
        Streamline(),
        # The second pass takes what the first one brought together.
        Streamline(),
        InferDataLayouts(),
        RemoveUnusedTensors(),
    ):
        model = model.transform(transformation)
    return model


def convert_to_hardware(model: ModelWrapper) -> ModelWrapper:
    """MatMuls become MVAUs and MultiThresholds standalone Thresholdings.

    Thresholds stay standalone because the RTL variant of the MVAU has no activation of its own.
    """
    for transformation in (
        InferThresholdingLayer(),
        InferQuantizedMatrixVectorActivation(),
        GiveUniqueNodeNames(),
        InferDataLayouts(),
        InferDataTypes(),
        InferShapes(),
    ):
        model = model.transform(transformation)
    return bit_widths.minimize(model)


def partition(model: ModelWrapper, folder: Path) -> ModelWrapper:
    """The accelerator's graph: the hardware layers without what the host computes after them.

    Args:
        model: With hardware layers.
        folder: Where FINN+ writes the graph.
    """
    parent = model.transform(CreateDataflowPartition(partition_model_dir=str(folder)))
    parts = parent.get_nodes_by_op_type("StreamingDataflowPartition")
    if len(parts) != 1:
        raise StageError(
            f"The hardware layers form {len(parts)} separate graphs.",
            "Use a network in which each layer feeds the next one.",
        )
    return ModelWrapper(getCustomOp(parts[0]).get_nodeattr("model"))


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
        SortGraph(),
        GiveUniqueNodeNames(),
        GiveReadableTensorNames(),
        InferShapes(),
        InferDataTypes(),
    ):
        model = model.transform(transformation)
    return bit_widths.minimize(model)


def generate_rtl(model: ModelWrapper, part: str, clock_mhz: float) -> ModelWrapper:
    """Generate every node's Verilog and memory files, below the folder of `toolchain.prepare`."""
    return model.transform(PrepareIP(part, period_ns(clock_mhz)))
