"""The options of the layers of a hardware graph, and what joins them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from contract.finn import folding
from contract.finn.cores import DSP, LUT, MOST_BITS
from contract.finn.goal import PUMPED
from contract.finn.windows import converter
from finn_worker import implied, legal
from finn_worker.legal import FOLDED_BY, kind_of
from finn_worker.mapping.rules import LUT_ROM_DEPTH
from finn_worker.search import components, held
from finn_worker.search.components import Part
from finn_worker.search.costs import Costs
from finn_worker.search.problem import Joint, Layer, Option, Problem

GENERATOR = "ConvolutionInputGenerator"
# Depth of a FIFO where nothing has to wait: `size` finds no more in most streams, and up to 33
# words take the same LUTs.
LEAST_DEPTH = 2


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the search may choose of the layers.

    Attributes:
        cores: "dsp" and "lut", and "pumped" for DSPs at twice the clock.
        port: Bits of the weights' port of the part's DSP slices.
    """

    cores: Collection[str]
    port: int


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to build a layer; see `Option`.

    Attributes:
        parts: What it is made of.
    """

    taken: int
    given: int
    cycles: int
    parts: Sequence[Part]
    chosen: dict[str, Any]

    def as_option(self, costs: Costs) -> Option:
        """With its cost."""
        return Option(
            taken=self.taken,
            given=self.given,
            cycles=self.cycles,
            cost=costs.of(self.parts),
            chosen=self.chosen,
        )


def problem_of(dataflow: ModelWrapper, costs: Costs, choices: Choices) -> Problem:
    """What a search chooses from.

    Args:
        dataflow: Of hardware layers that are not specialised yet.
        costs: The cost model.
        choices: What may be chosen.
    """
    constants = {tensor.name for tensor in dataflow.graph.initializer}
    layers = [
        Layer(
            name=node.name,
            inputs=tuple(name for name in node.input if name and name not in constants),
            outputs=tuple(node.output),
            options=tuple(each.as_option(costs) for each in candidates(dataflow, node, choices)),
        )
        for node in dataflow.graph.node
    ]
    return Problem(layers=layers, join=_Joiner(dataflow, costs).join)


class _Joiner:
    """What joins the two ends of each stream: FIFOs, and a converter between other widths."""

    def __init__(self, dataflow: ModelWrapper, costs: Costs) -> None:
        self._costs = costs
        self._bits = {}
        self._values = {}
        self._rigid = set()
        for node in dataflow.graph.node:
            for name in (*node.input, *node.output):
                if name and dataflow.get_initializer(name) is None:
                    self._bits[name] = dataflow.get_tensor_datatype(name).bitwidth()
                    self._values[name] = math.prod(dataflow.get_tensor_shape(name))
            producer = dataflow.find_producer(node.input[0])
            of_windows = kind_of(node) in implied.OF_WINDOWS
            if of_windows and producer is not None and kind_of(producer) == GENERATOR:
                self._rigid.add(node.input[0])
        self._held = held.values(dataflow)

    def join(self, stream: str, given: int | None, taken: int | None) -> Joint | None:
        """See `finn_worker.search.problem.Join`."""
        if stream in self._rigid and given != taken:
            return None
        bits, values = self._bits[stream], self._values[stream]
        words = self._held.get(stream, 0)
        first, last = given or taken, taken or given
        assert first is not None
        assert last is not None
        depth = max(LEAST_DEPTH, math.ceil(words / min(first, last)))
        if first == last:
            return Joint(0, self._costs.of([components.fifo(first * bits, depth)]))
        parts = [
            components.fifo(first * bits, LEAST_DEPTH if first > last else depth),
            components.converter(first * bits, last * bits),
            components.fifo(last * bits, depth if first > last else LEAST_DEPTH),
        ]
        return Joint(converter(values * bits, first * bits, last * bits), self._costs.of(parts))


def candidates(model: ModelWrapper, node: Any, choices: Choices) -> Iterator[Candidate]:
    """Every way to build a layer.

    Args:
        model: Of hardware layers that are not specialised yet.
        node: One of them.
        choices: What may be chosen.
    """
    kind = kind_of(node)
    if kind == "MVAU":
        yield from _matrix(model, node, choices)
        return
    attribute = FOLDED_BY[kind][0]
    for lanes in legal.values(node)[attribute]:
        copied = copy.deepcopy(node)
        layer = getCustomOp(copied)
        layer.set_nodeattr(attribute, lanes)
        cycles = implied.cycles_of(copied)
        given = 1 if kind == "LabelSelect" else lanes
        for chosen, parts in _PARTS[kind](copied, layer):
            own = {attribute: lanes, **chosen}
            yield Candidate(taken=lanes, given=given, cycles=cycles, parts=parts, chosen=own)
    if kind == GENERATOR:
        yield from _at_once(model, node)


def _matrix(model: ModelWrapper, node: Any, choices: Choices) -> Iterator[Candidate]:
    """Of an MVAU: every PE and SIMD, core, and memory for its weights."""
    shape, layer = legal.matrix(node), getCustomOp(node)
    weights = layer.get_input_datatype(1)
    narrow = bool(model.get_initializer(node.input[1]).min() > weights.min())
    widths = {
        "weight_bits": weights.bitwidth(),
        "input_bits": layer.get_input_datatype(0).bitwidth(),
        "sum_bits": layer.get_output_datatype().bitwidth(),
    }
    lanes = components.lanes(
        widths["weight_bits"], widths["input_bits"], narrow=narrow, port=choices.port
    )
    for pe in legal.values(node)["PE"]:
        for simd in legal.values(node)["SIMD"]:
            cores = list(_cores(pe, simd, widths, lanes, choices.cores))
            depth = shape.inputs // simd * (shape.outputs // pe)
            beside = components.replay(
                shape.inputs // simd, shape.outputs // pe, simd * widths["input_bits"]
            )
            for style in _styles(depth):
                memory = components.weights(depth, pe * simd * widths["weight_bits"], style)
                for core, part in cores:
                    chosen: dict[str, Any] = {"PE": pe, "SIMD": simd}
                    chosen |= {} if style == "auto" else {"ram_style": style}
                    yield Candidate(
                        taken=simd,
                        given=pe,
                        cycles=folding.cycles(shape, pe, simd),
                        parts=[part, memory, beside],
                        chosen=chosen | core,
                    )


def _cores(
    pe: int, simd: int, widths: dict[str, int], lanes: int, cores: Collection[str]
) -> Iterator[tuple[dict[str, str], Part]]:
    if DSP in cores:
        yield {}, components.dsp_core(pe=pe, simd=simd, lanes=lanes, **widths)
    fits_luts = max(widths["weight_bits"], widths["input_bits"]) <= MOST_BITS
    if LUT in cores and fits_luts:
        yield {"core": LUT}, components.lut_core(pe=pe, simd=simd, **widths)
    if PUMPED in cores and simd > 1:
        # Half the slices, each used twice in a cycle of the other clock.
        half = math.ceil(simd / 2)
        yield {"core": PUMPED}, components.dsp_core(pe=pe, simd=half, lanes=lanes, **widths)


def _styles(depth: int) -> tuple[str, ...]:
    """The memory that synthesis takes by itself, and the other one."""
    if depth == 1:
        return ("auto",)
    return ("auto", "block" if depth <= LUT_ROM_DEPTH else "distributed")


def _at_once(model: ModelWrapper, node: Any) -> Iterator[Candidate]:
    """A generator that gives all pixels of a window at once, in front of an MVAU."""
    (consumer,) = model.find_consumers(node.output[0])
    layer = getCustomOp(node)
    pixels = math.prod(layer.get_nodeattr("ConvKernelDim"))
    if kind_of(consumer) != "MVAU" or layer.get_nodeattr("depthwise") or pixels == 1:
        return
    copied = copy.deepcopy(node)
    layer, channels = getCustomOp(copied), layer.get_nodeattr("IFMChannels")
    layer.set_nodeattr("SIMD", channels)
    layer.set_nodeattr("parallel_window", 1)
    bits = layer.get_input_datatype().bitwidth()
    depth = getCustomOp(implied.specialized(copied)).get_buffer_depth()
    part = components.whole_windows(
        given=channels * pixels * bits, taken=channels * bits, depth=depth
    )
    yield Candidate(
        taken=channels,
        given=channels * pixels,
        cycles=implied.cycles_of(copied),
        parts=[part],
        chosen={"SIMD": channels, "parallel_window": 1},
    )


_Chosen = tuple[dict[str, Any], list[Part]]


def _thresholding(node: Any, layer: Any) -> Iterator[_Chosen]:  # noqa: ARG001
    yield (
        {},
        [
            components.thresholds(
                pe=layer.get_nodeattr("PE"),
                channels=layer.get_nodeattr("NumChannels"),
                levels=layer.get_nodeattr("numSteps"),
                in_bits=layer.get_input_datatype().bitwidth(),
            )
        ],
    )


def _generator(node: Any, layer: Any) -> Iterator[_Chosen]:
    bits = layer.get_input_datatype().bitwidth() * layer.get_nodeattr("SIMD")
    depth = getCustomOp(implied.specialized(node)).get_buffer_depth()
    pixels = math.prod(layer.get_nodeattr("IFMDim")) * layer.get_nodeattr("IFMChannels")
    counters = math.log2(max(2, pixels // layer.get_nodeattr("SIMD")))
    for style in ("distributed", "block"):
        chosen = {} if style == "distributed" else {"ram_style": style}
        in_blocks = style == "block"
        yield (
            chosen,
            [components.windows(width=bits, depth=depth, in_blocks=in_blocks, counters=counters)],
        )


def _padding(node: Any, layer: Any) -> Iterator[_Chosen]:  # noqa: ARG001
    yield {}, [components.padding(layer.get_instream_width())]


def _depthwise(node: Any, layer: Any) -> Iterator[_Chosen]:  # noqa: ARG001
    """A VVAU: PE products in LUTs, and their weights."""
    pe, weights = layer.get_nodeattr("PE"), layer.get_input_datatype(1)
    pixels = math.prod(layer.get_nodeattr("Kernel"))
    core = components.kernel_core(
        pe=pe,
        weight_bits=weights.bitwidth(),
        input_bits=layer.get_input_datatype().bitwidth(),
        sum_bits=layer.get_output_datatype().bitwidth(),
    )
    depth = pixels * layer.get_nodeattr("Channels") // pe
    yield {}, [core, components.weights(depth, pe * weights.bitwidth(), "auto")]


def _plain(node: Any, layer: Any) -> Iterator[_Chosen]:
    kind = kind_of(node)
    yield {}, [components.plain(kind, layer.get_instream_width(), layer.get_outstream_width())]


_PARTS: dict[str, Callable[[Any, Any], Iterator[_Chosen]]] = {
    "Thresholding": _thresholding,
    GENERATOR: _generator,
    "FMPadding": _padding,
    "VVAU": _depthwise,
    "Pool": _plain,
    "DuplicateStreams": _plain,
    "ElementwiseAdd": _plain,
    "GlobalAccPool": _plain,
    "LabelSelect": _plain,
}
