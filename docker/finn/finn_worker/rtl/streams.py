"""The streams of an accelerator: which node gives, which takes, and how wide a beat is."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from finn.util.basic import getHWCustomOp
from qonnx.core.modelwrapper import ModelWrapper

from stagekit import StageError


class Streams:
    """All streams of a graph: those to each node in turn, then the accelerator's output.

    Args:
        model: With one input and one output; its nodes in topological order.

    Attributes:
        described: As in `design.json`: name, producer, consumer, width_bits, beats (an image).

    Raises:
        StageError: The graph has several inputs or outputs, one stream has several consumers, or
            its ends are of different widths.
    """

    def __init__(self, model: ModelWrapper) -> None:
        _check_ends(model)
        self.described: list[dict[str, Any]] = []
        self._inputs: list[dict[str, int]] = []
        self._outputs: list[dict[str, int]] = []
        self._names: Counter[str] = Counter()
        # Of each tensor: the node that gives it, and which of its outputs it is.
        self._producers: dict[str, tuple[int, int]] = {}
        self._nodes = list(model.graph.node)
        for index, node in enumerate(self._nodes):
            self._producers |= {name: (index, port) for port, name in enumerate(node.output)}
            self._inputs.append({})
            self._outputs.append({})
        start, end = model.graph.input[0].name, model.graph.output[0].name
        for index, node in enumerate(self._nodes):
            for port, name in enumerate(node.input):
                if name == start or name in self._producers:
                    self._inputs[index][f"in{port}_V"] = len(self.described)
                    self._add(name, index, port)
        self._add(end, None, 0)
        unread = [n.name for n, ports in zip(self._nodes, self._outputs, strict=True) if not ports]
        if unread:
            raise StageError(
                f"Nothing takes the outputs of {', '.join(unread)}.", "Leave these layers out."
            )

    def of_node(self, index: int) -> dict[str, dict[str, int]]:
        """The streams at the ports of a node: "inputs" and "outputs", such as {"in0_V": 3}."""
        return {"inputs": self._inputs[index], "outputs": self._outputs[index]}

    def _add(self, tensor: str, consumer: int | None, port: int) -> None:
        producer = self._producers.get(tensor)
        names = ["input", "output"]
        if producer is not None:
            names[0] = self._nodes[producer[0]].name
            self._connect(*producer)
        if consumer is not None:
            names[1] = self._nodes[consumer].name
        ends = [] if producer is None else [_end(self._nodes[producer[0]], "out", producer[1])]
        ends += [] if consumer is None else [_end(self._nodes[consumer], "in", port)]
        if len({width for width, _ in ends}) > 1:
            raise StageError(
                f"Layer '{names[0]}' gives {ends[0][0]} bits at a time, '{names[1]}' takes "
                f"{ends[1][0]}.",
                "Report it: FINN+ should have put a width converter between them.",
            )
        width, beats = ends[-1]
        name = "_to_".join(names)
        self._names[name] += 1
        count = self._names[name]
        self.described.append(
            {
                "name": name if count == 1 else f"{name}_{count}",
                "producer": names[0],
                "consumer": names[1],
                "width_bits": width,
                "beats": beats,
            }
        )

    def _connect(self, producer: int, port: int) -> None:
        name = f"out{port}_V"
        if name in self._outputs[producer]:
            raise StageError(
                f"Several layers take one output of '{self._nodes[producer].name}'.",
                "Report it: FINN+ should have put a DuplicateStreams there.",
            )
        self._outputs[producer][name] = len(self.described)


def _check_ends(model: ModelWrapper) -> None:
    for what, tensors in (("inputs", model.graph.input), ("outputs", model.graph.output)):
        if len(tensors) != 1:
            raise StageError(
                f"The accelerator has {len(tensors)} {what}.", "Use a network with one of each."
            )


def _end(node: Any, side: str, port: int) -> tuple[int, int]:
    """Bits of a beat, and beats of an image."""
    layer = getHWCustomOp(node)
    shape = getattr(layer, f"get_folded_{side}put_shape")(port)
    width = getattr(layer, f"get_{side}stream_width")(port)
    return int(width), math.prod(int(size) for size in shape[:-1])
