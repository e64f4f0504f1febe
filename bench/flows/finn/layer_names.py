"""What hardware layers are called: by FINN's versions, here, and in a report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"(?P<kind>[A-Za-z]\w*?)_(?P<number>0|[1-9][0-9]{0,3})")

# By what it is called here, without a variant, what it is called elsewhere.
_OLD = {
    "MVAU": ("MatrixVectorActivation", "StreamingFCLayer"),
    "VVAU": ("VectorVectorActivation", "Vector_Vector_Activate"),
    "Thresholding": (),
    "ConvolutionInputGenerator": (),
    "FMPadding": (),
    "Pool": (),
    "DuplicateStreams": (),
    "ElementwiseAdd": ("AddStreams",),
    "GlobalAccPool": (),
    "LabelSelect": (),
}
_VARIANTS = ("", "_hls", "_rtl", "_Batch")
KINDS = tuple(_OLD)
_SHELL = "the shell around the accelerator is not configured here"
_REFUSED = {
    "StreamingFIFO": "the depths of FIFOs are inFIFODepths and outFIFODepths of the layers beside "
    "them, or found by the `size` stage",
    "StreamingDataWidthConverter": "width converters follow from PE and SIMD",
    "StreamingMaxPool": "a maximum is a ConvolutionInputGenerator and a Pool here, which count "
    "among the others: set these",
    "ConvolutionInputGenerator1D": "it is a ConvolutionInputGenerator here",
    "LabelSelect": "the host takes the largest output",
    "IODMA": _SHELL,
    "TLastMarker": _SHELL,
    "StreamingDataflowPartition": _SHELL,
}


def parse(name: str) -> tuple[str, int, str] | None:
    """Kind, number and kind as written of a layer, such as ("MVAU", 0, "MVAU_hls").

    None where the name is not that of a kind of layer.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    kind = kind_called(match["kind"])
    return None if kind is None else (kind, int(match["number"]), match["kind"])


def kind_called(written: str) -> str | None:
    """The kind that FINN calls so, in any of its variants."""
    for kind, others in _OLD.items():
        if any(written == f"{name}{variant}" for name in (kind, *others) for variant in _VARIANTS):
            return kind
    return None


def why_refused(name: str) -> str | None:
    """Why a kind of layer cannot be set; None where its name is none of FINN's."""
    kind = name.rpartition("_")[0]
    for refused, why in _REFUSED.items():
        if any(kind == f"{refused}{variant}" for variant in _VARIANTS):
            return why
    return None


def layer_label(layer: Mapping[str, Any]) -> str:
    """Such as `MVAU 0`, of the layer `MVAU_rtl_0`."""
    kind = str(layer["op_type"]).removeprefix("Streaming").rsplit("_", 1)[0]
    return f"{kind} {str(layer['name']).rsplit('_', 1)[-1]}"


def folding_label(layer: Mapping[str, Any]) -> str | None:
    """Such as `1024 to 64, PE 2, SIMD 8`; None for a layer that is not folded."""
    terms = [
        f"{term} {layer[key]}" for key, term in (("pe", "PE"), ("simd", "SIMD")) if layer.get(key)
    ]
    if layer.get("mw") is not None:
        terms.insert(0, f"{layer['mw']} to {layer['mh']}")
    return ", ".join(terms) or None
