"""Reading the file: bounded, checked, and without anything that lies beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, inliner, numpy_helper

from contract.stages.imported import LARGEST_MODEL
from contract.text import counted
from stagekit import StageError

OLDEST_OPSET = 9
# ONNX Runtime, which executes nodes one by one, reads files up to this version of the format.
IR_VERSION = 8
GENERAL = "qonnx.custom_op.general"
# Where exporters have put QONNX' operators over the years.
ALIASES = frozenset({GENERAL, "finn.custom_op.general", "finn", "onnx.brevitas"})
PLAIN = frozenset({"", "ai.onnx"})
HARDWARE = "finn.custom_op.fpgadataflow"
# QONNX' operators by how many inputs they take; ONNX' own are checked by onnx.checker.
INPUTS = {
    "BipolarQuant": (2,),
    "Im2Col": (1,),
    "IntQuant": (4,),
    "MaxPoolNHWC": (1,),
    "MultiThreshold": (2,),
    "Quant": (4,),
    "QuantAvgPool2d": (1,),
    "Trunc": (5, 6),
    "XnorPopcountMatMul": (2,),
}
# The version of QONNX' operators that has Trunc with so many inputs.
OF_TRUNC = {5: 1, 6: 2}
LONGEST_NAME, LONGEST_REASON = 80, 300
SAVE_AGAIN = "Save it again as one file (onnx.save with save_as_external_data=False)."
GRAPH, GRAPHS = onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS
OF_INTEGERS = frozenset(
    {"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul"}
)
FLOATS = frozenset({TensorProto.FLOAT, TensorProto.DOUBLE})


def read(path: Path) -> onnx.ModelProto:
    """The model in `path`, of ONNX' own operators and those of QONNX.

    Raises:
        StageError: It is none, is too large, refers to other files, or has operators, versions or
            numbers that are not read.
    """
    size = path.stat().st_size
    if size > LARGEST_MODEL:
        raise StageError(
            f"The model has {size / 2**20:,.0f} MiB; at most {LARGEST_MODEL // 2**20} are read: "
            "its weights would not fit any FPGA.",
            "Use a smaller network.",
        )
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError:
        raise _no_model("it cannot be read as one") from None
    if not model.graph.node:
        raise _no_model("it has no nodes")
    _check_versions(model)
    _check_whole(model)
    if model.functions:
        model = inliner.inline_local_functions(model)
    _check_operators(model)
    _use_one_domain(model)
    _check_valid(model)
    _check_numbers(model)
    return model


def name_of(node: Any) -> str:
    """A node as its file calls it, such as "Conv 'features.0'"."""
    return f"{node.op_type} '{_short(node.name or next(iter(node.output), ''))}'"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."


def _no_model(why: str) -> StageError:
    return StageError(
        f"The file is no ONNX model: {why}.",
        "Give a model as QONNX or in FINN's dialect, such as Brevitas' export_qonnx writes it.",
    )


def _check_versions(model: onnx.ModelProto) -> None:
    versions = {item.domain: item.version for item in model.opset_import}
    version = versions.get("", versions.get("ai.onnx", 0))
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= version <= newest:
        said = f"uses version {version} of ONNX' operators" if version else "names no opset"
        raise StageError(
            f"The model {said}; versions {OLDEST_OPSET} to {newest} are read.",
            "Export it again with opset_version=13, or convert it with onnx.version_converter.",
        )


def _check_whole(model: onnx.ModelProto) -> None:
    graph = model.graph
    outside = [t.name for t in _tensors(model) if t.data_location == TensorProto.EXTERNAL]
    if outside:
        raise StageError(
            f"The data of {_some(outside)} are in another file, which is not here.", SAVE_AGAIN
        )
    if graph.sparse_initializer:
        raise StageError("The model has sparse weights.", "Export it with dense ones.")


def _tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                yield attribute.t


def _check_operators(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        _check_form(node)
        if node.domain in ALIASES:
            _check_qonnxs(node)
        if node.domain in PLAIN | ALIASES or node.op_type.startswith("LabelSelect"):
            continue
        if node.domain.startswith(HARDWARE) or node.domain.startswith("finn."):
            raise StageError(
                f"{name_of(node)} is a hardware layer of FINN's already.",
                "Give the model as it was before FINN's conversion to hardware layers.",
            )
        raise StageError(
            f"{name_of(node)} is of the domain '{_short(node.domain)}', whose operators nobody "
            "here knows.",
            "Use ONNX' own operators, and QONNX' quantizers (domain qonnx.custom_op.general).",
        )


def _check_form(node: Any) -> None:
    """Operators that no later part could name, as they would not get there."""
    if any(item.type in {GRAPH, GRAPHS} for item in node.attribute):
        raise StageError(
            f"{name_of(node)} decides what is computed when it is executed.",
            "Export the model without branches and loops, as torch.onnx.export does by tracing.",
        )
    if node.op_type in OF_INTEGERS:
        raise StageError(
            f"{name_of(node)} computes with the numbers of quantizers and not with their values.",
            "Export QuantizeLinear and DequantizeLinear around operators of floats (ONNX "
            "Runtime: QuantFormat.QDQ), or QONNX.",
        )
    training = next((item.i for item in node.attribute if item.name == "training_mode"), 0)
    if training:
        raise StageError(
            f"{name_of(node)} is in training mode.",
            "Export the model in evaluation mode (torch: model.eval()).",
        )


def _check_qonnxs(node: Any) -> None:
    if node.op_type not in INPUTS:
        raise StageError(
            f"{name_of(node)} is no operator of QONNX that is read here.",
            f"Those that are: {', '.join(INPUTS)}.",
        )
    wanted = INPUTS[node.op_type]
    if len(node.input) not in wanted or not all(node.input):
        raise StageError(
            f"{name_of(node)} has {counted(len(node.input), 'input')}; "
            f"{' or '.join(map(str, wanted))} are needed.",
            "Export the model again.",
        )


def _use_one_domain(model: onnx.ModelProto) -> None:
    """QONNX' operators get their present domain; ONNX' own is listed first, as QONNX expects."""
    for node in model.graph.node:
        node.domain = "" if node.domain in PLAIN else node.domain
        if node.domain in ALIASES or node.op_type in INPUTS:
            node.domain = GENERAL
    versions = {item.domain: item.version for item in model.opset_import}
    version = versions.get("", versions.get("ai.onnx", 0))
    general = max((versions.get(name, 1) for name in ALIASES), default=1)
    for node in model.graph.node:
        if node.op_type == "Trunc":
            general = OF_TRUNC[len(node.input)]
    domains = sorted({node.domain for node in model.graph.node} - {""})
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", version))
    model.opset_import.extend(
        onnx.helper.make_opsetid(name, general if name == GENERAL else 1) for name in domains
    )
    model.ir_version = min(model.ir_version, IR_VERSION)


def _check_valid(model: onnx.ModelProto) -> None:
    _check_wiring(model.graph)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        said = " ".join(str(error).split())
        said = said if len(said) <= LONGEST_REASON else f"{said[:LONGEST_REASON]}..."
        raise StageError(
            f"The model is not valid ONNX: {said}", "Export it again; onnx.checker tells more."
        ) from None


def _check_wiring(graph: Any) -> None:
    """Every node takes what the ones before it give."""
    makers = {name: node for node in graph.node for name in node.output}
    known = {item.name for item in (*graph.input, *graph.initializer)}
    for node in graph.node:
        for name in node.input:
            if not name or name in known:
                continue
            if name in makers:
                raise StageError(
                    f"{name_of(node)} stands before {name_of(makers[name])}, whose result it "
                    "takes.",
                    "Sort the nodes (qonnx.transformation.general.SortGraph), or export it again.",
                )
            raise StageError(
                f"{name_of(node)} takes '{_short(name)}', which neither a node gives nor the model "
                "holds.",
                "Export the model again, with all that leads to this node.",
            )
        known.update(node.output)


def _check_numbers(model: onnx.ModelProto) -> None:
    """Every weight is a number; those of double precision become single."""
    for tensor in _tensors(model):
        if tensor.data_type in {TensorProto.FLOAT16, TensorProto.BFLOAT16}:
            raise StageError(
                f"The data of '{tensor.name}' are of half precision.", "Export in float32."
            )
        if tensor.data_type not in FLOATS:
            continue
        values = numpy_helper.to_array(tensor)
        if not np.isfinite(values).all():
            raise StageError(
                f"The data of '{tensor.name}' hold NaN or infinity.", "Train or export it again."
            )
        if tensor.data_type == TensorProto.DOUBLE:
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), tensor.name))


def _some(names: list[str]) -> str:
    """A few names, and how many more there are."""
    few = 3
    shown = ", ".join(f"'{name}'" for name in names[:few])
    return shown + (f" and {len(names) - few} more" if len(names) > few else "")
