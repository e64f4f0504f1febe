"""The streams of an accelerator: which node gives, which takes, and how wide a beat is."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from finn.util.basic import getHWCustomOp
from qonnx.core.modelwrapper import ModelWrapper

from contract.text import counted
from stagekit import StageError


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The ends of a stream, each as the number of a node and of its output or input.

    Attributes:
        producer: None for the accelerator's input.
        consumer: None for its output.
    """

    producer: tuple[int, int] | None
    consumer: tuple[int, int] | None


def join(model: ModelWrapper) -> list[Ends]:
    """All streams of a graph: those to each node in turn, then the accelerator's output.

    Args:
        model: With one input and one output; its nodes in topological order.
    """
    nodes = list(model.graph.node)
    producers: dict[str, tuple[int, int] | None] = {model.graph.input[0].name: None}
    for index, node in enumerate(nodes):
        producers |= {name: (index, port) for port, name in enumerate(node.output)}
    streams = [
        Ends(producer=producers[name], consumer=(index, port))
        for index, node in enumerate(nodes)
        for port, name in enumerate(node.input)
        if name in producers
    ]
    return [*streams, Ends(producer=producers[model.graph.output[0].name], consumer=None)]


class Streams:
    """The streams of `join`, described.

    Attributes:
        described: As in `design.json`: name, producer, consumer, width_bits, beats (an image).

    Raises:
        StageError: The graph has several inputs or outputs, one stream has several consumers or
            none, or its ends are of different widths.
    """

    def __init__(self, model: ModelWrapper) -> None:
        _check_ends(model)
        self.described: list[dict[str, Any]] = []
        self._nodes = list(model.graph.node)
        self._inputs: list[dict[str, int]] = [{} for _ in self._nodes]
        self._outputs: list[dict[str, int]] = [{} for _ in self._nodes]
        names: Counter[str] = Counter()
        for number, ends in enumerate(join(model)):
            described = self._describe(ends)
            names[described["name"]] += 1
            if (count := names[described["name"]]) > 1:
                described["name"] += f"_{count}"
            self.described.append(described)
            self._connect(ends, number)
        unread = [n.name for n, ports in zip(self._nodes, self._outputs, strict=True) if not ports]
        if unread:
            raise StageError(
                f"Nothing takes the outputs of {', '.join(unread)}.", "Leave these layers out."
            )

    def of_node(self, index: int) -> dict[str, dict[str, int]]:
        """The streams at the ports of a node: "inputs" and "outputs", such as {"in0_V": 3}."""
        return {"inputs": self._inputs[index], "outputs": self._outputs[index]}

    def _describe(self, ends: Ends) -> dict[str, Any]:
        names, shapes = ["input", "output"], []
        for place, (end, side) in enumerate(((ends.producer, "out"), (ends.consumer, "in"))):
            if end is not None:
                node = self._nodes[end[0]]
                names[place] = node.name
                shapes.append(_shape(node, side, end[1]))
        widths = [width for width, _ in shapes]
        if len(set(widths)) > 1:
            raise StageError(
                f"Layer '{names[0]}' gives {counted(widths[0], 'bit')} at a time, "
                f"'{names[1]}' takes {widths[1]}.",
                "Report it: FINN+ should have put a width converter between them.",
            )
        width, beats = shapes[-1]
        producer, consumer = names
        return {
            "name": f"{producer}_to_{consumer}",
            "producer": producer,
            "consumer": consumer,
            "width_bits": width,
            "beats": beats,
        }

    def _connect(self, ends: Ends, number: int) -> None:
        if ends.consumer is not None:
            node, port = ends.consumer
            self._inputs[node][f"in{port}_V"] = number
        if ends.producer is not None:
            node, port = ends.producer
            if f"out{port}_V" in self._outputs[node]:
                raise StageError(
                    f"Several layers take one output of '{self._nodes[node].name}'.",
                    "Report it: FINN+ should have put a DuplicateStreams there.",
                )
            self._outputs[node][f"out{port}_V"] = number


def _check_ends(model: ModelWrapper) -> None:
    for what, tensors in (("inputs", model.graph.input), ("outputs", model.graph.output)):
        if len(tensors) != 1:
            raise StageError(
                f"The accelerator has {len(tensors)} {what}.", "Use a network with one of each."
            )


def _shape(node: Any, side: str, port: int) -> tuple[int, int]:
    """Bits of a beat, and beats of an image."""
    layer = getHWCustomOp(node)
    shape = getattr(layer, f"get_folded_{side}put_shape")(port)
    width = getattr(layer, f"get_{side}stream_width")(port)
    return int(width), math.prod(int(size) for size in shape[:-1])
