"""Saving ONNX models so that the same model always gives the same bytes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

# Where this run put its files, and FINN+'s switches for executing a node here: no use to anyone
# who reads the model later.
LOCAL_ATTRIBUTES = frozenset(
    {
        "code_gen_dir_cppsim",
        "code_gen_dir_ipgen",
        "exec_mode",
        "executable_path",
        "ip_path",
        "ipgen_path",
        "rtlsim_so",
    }
)


def save(model: ModelWrapper, path: Path) -> None:
    """Write what `serialize` makes of `model`."""
    path.write_bytes(serialize(model))


def serialize(model: ModelWrapper) -> bytes:
    """`model` as ONNX, without local paths and with its tables sorted by name."""
    proto = copy.deepcopy(model.model)
    for node in proto.graph.node:
        kept = [item for item in node.attribute if item.name not in LOCAL_ATTRIBUTES]
        _replace(node.attribute, sorted(kept, key=lambda item: str(item.name)))
        del node.metadata_props[:]
        node.doc_string = ""
    graph = proto.graph
    for table in (graph.initializer, graph.value_info, graph.sparse_initializer):
        _replace(table, sorted(table, key=_name))
    annotations = graph.quantization_annotation
    _replace(annotations, sorted(annotations, key=lambda item: str(item.tensor_name)))
    for table in (proto.metadata_props, graph.metadata_props, proto.functions):
        del table[:]
    proto.doc_string = graph.doc_string = ""
    return bytes(proto.SerializeToString(deterministic=True))


def _name(item: Any) -> str:
    return str(item.name if hasattr(item, "name") else item.values.name)


def _replace(table: Any, items: list[Any]) -> None:
    copies = [copy.deepcopy(item) for item in items]
    del table[:]
    table.extend(copies)
