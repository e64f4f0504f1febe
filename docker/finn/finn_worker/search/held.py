"""How much a skip path has to hold: what the windows of the branch beside it wait for."""

from __future__ import annotations

from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from finn_worker.legal import kind_of


def values(dataflow: ModelWrapper) -> dict[str, int]:
    """By stream, the values that its FIFO has to hold; 0 where there is none.

    Of each fork, the path that waits less holds the difference, in the stream that leaves the fork.
    """
    found: dict[str, int] = {}
    for node in dataflow.graph.node:
        if kind_of(node) != "ElementwiseAdd":
            continue
        paths = [_back(dataflow, name) for name in node.input]
        waits = [_pixels(dataflow, path) for path in paths]
        for path, waited in zip(paths, waits, strict=True):
            channels = dataflow.get_tensor_shape(path[-1])[-1]
            more = round(max(waits) - waited) * channels
            found[path[-1]] = max(found.get(path[-1], 0), more)
    return found


def _back(model: ModelWrapper, stream: str) -> list[str]:
    """The streams from `stream` back to the fork, or to the sum of an inner fork and on."""
    path = [stream]
    while True:
        producer = model.find_producer(path[-1])
        if producer is None or kind_of(producer) == "DuplicateStreams":
            return path
        path.append(producer.input[0])


def _pixels(model: ModelWrapper, path: list[str]) -> float:
    """Pixels at the fork for which the windows along a path wait."""
    start = _area(model, path[-1])
    waited = 0.0
    for stream in path:
        producer: Any = model.find_producer(stream)
        if producer is None or kind_of(producer) != "ConvolutionInputGenerator":
            continue
        layer = getCustomOp(producer)
        (high, wide), (_, width) = (layer.get_nodeattr(n) for n in ("ConvKernelDim", "IFMDim"))
        pixels = (high - 1) * width + wide - 1
        waited += pixels * start / _area(model, producer.input[0])
    return waited


def _area(model: ModelWrapper, stream: str) -> int:
    _, *sides, _ = model.get_tensor_shape(stream)
    found = 1
    for side in sides:
        found *= side
    return found
