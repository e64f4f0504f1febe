"""Which core each MVAU multiplies with: FINN+'s of DSP slices, or bench's of LUTs.

FINN+ has no attribute for it: a node carries one of ours from the moment that its folding is
applied, through FINN+'s transformations, which copy attributes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import onnx
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import get_by_name

from contract.finn.cores import DSP, LUT, MOST_BITS
from finn_worker.legal import kind_of

_ATTRIBUTE = "bench_core"


def mark(mvau: Any, core: str) -> None:
    """Let an MVAU have a `core`, in place."""
    known = get_by_name(mvau.attribute, _ATTRIBUTE)
    if known is not None:
        mvau.attribute.remove(known)
    if core != DSP:
        mvau.attribute.append(onnx.helper.make_attribute(_ATTRIBUTE, core))


def of(node: Any) -> str | None:
    """The core of an MVAU that is in RTL, or is not specialised yet; None of other nodes."""
    if kind_of(node) != "MVAU" or node.op_type.endswith("_hls"):
        return None
    found = get_by_name(node.attribute, _ATTRIBUTE)
    return DSP if found is None else str(found.s.decode())


def counts(model: ModelWrapper) -> dict[str, int]:
    """How many layers of a graph have each core."""
    return dict(Counter(core for node in model.graph.node if (core := of(node)) is not None))


def too_wide(model: ModelWrapper, mvau: Any) -> Iterator[str]:
    """What of a layer has more bits than a core of LUTs takes, and how many."""
    for name, tensor in (("weights", mvau.input[1]), ("inputs", mvau.input[0])):
        bits = model.get_tensor_datatype(tensor).bitwidth()
        if bits > MOST_BITS:
            yield f"{name} have {bits} bits, and a core of LUTs ({LUT}) takes at most {MOST_BITS}"
