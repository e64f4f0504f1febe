"""The hardware graph of a design: layers as boxes, streams with their FIFOs as arrows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from bench.console.text import counted, listed
from bench.report.figures import style
from bench.report.figures.base import Figure
from bench.report.figures.layers import SMALLEST_DEPTH
from bench.report.material import INPUT, OUTPUT, Design, Layer, Material, Stream
from bench.words import Origin

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

# Rows of boxes in a column, and columns beside each other as long as their lanes are wide enough.
ROWS, LANES = 14, 3
# Inches from one box to the next; the axes are in inches, too.
ROW_HEIGHT, BOX_HEIGHT, MARGIN = 0.56, 0.34, 0.3
BOX_WIDTH = 0.86  # of a lane


def graph_figures(material: Material) -> Iterator[Figure]:
    """The graph of the fastest design that fits, and of the slowest of another network."""
    fastest, slowest = material.fastest, material.slowest
    if fastest is None:
        yield Figure("graph", "Hardware graph", "No design has been simulated yet.")
        return
    yield _graph("graph", fastest, fastest.as_fastest)
    if slowest is not None and _shape(slowest) != _shape(fastest):
        yield _graph("graph-slowest", slowest, "slowest")


def _shape(design: Design) -> list[tuple[str | None, str | None]]:
    return [(stream.sender, stream.receiver) for stream in design.streams]


def _graph(name: str, design: Design, kind: str) -> Figure:
    data = pd.DataFrame(
        [
            {
                "from": stream.sender or INPUT, "to": stream.receiver or OUTPUT,
                "fifo_depth": stream.depth, "width_bits": stream.width_bits,
            }
            for stream in design.streams
        ]
    )  # fmt: skip
    return Figure(
        name,
        f"Hardware graph of {design.name} ({kind})",
        _seen(design),
        "layers: estimated (cycles and resources of the RTL that was simulated); depths of FIFOs: "
        f"{Origin.RTL_SIM}, of stage size",
        data,
        lambda: _draw(design),
    )


def _seen(design: Design) -> str:
    most = max(layer.cycles for layer in design.layers)
    busiest = [layer.label for layer in design.layers if layer.cycles == most]
    deep = sum(stream.depth > SMALLEST_DEPTH for stream in design.streams)
    text = (
        f"{counted(len(design.layers), 'layer')} from top to bottom; {listed(busiest)} (filled) "
        f"{'sets' if len(busiest) == 1 else 'set'} the interval with {most:,} cycles. Beside each "
        f"arrow: words and bits of its FIFO, in bold where it has to be deeper than "
        f"{SMALLEST_DEPTH} ({counted(deep, 'FIFO')})."
    )
    if stands_in := sum(layer.stands_in for layer in design.layers):
        text += (
            f" A dashed border ({counted(stands_in, 'layer')}): simulated by a module of ours, as "
            "the compiler has no RTL of it."
        )
    return text


@dataclass(frozen=True)
class _Place:
    """Centre of a box or of a bend, in inches from the top left, and the column that it is in."""

    x: float
    y: float
    column: int


class _Layout:
    """Where the boxes are: rows by distance from the input, lanes where the graph forks.

    A stream that passes rows by has a bend in each, so that it has a lane of its own.
    """

    def __init__(self, design: Design) -> None:
        self.paths: list[tuple[Stream, list[str]]] = []
        senders = Counter(stream.sender for stream in design.streams)
        self.forks = {sender for sender, count in senders.items() if count > 1}
        graph = self._with_bends(design)
        rows = self._rows(graph)
        self.lanes = max(len(row) for row in rows)
        most = max(1, LANES // self.lanes)
        columns = min(most, math.ceil(len(rows) / ROWS))
        self.rows = math.ceil(len(rows) / columns)
        self.lane_width = style.WIDE / (columns * self.lanes)
        self.height = self.rows * ROW_HEIGHT + 2 * MARGIN
        self.places: dict[str, _Place] = {}
        for number, row in enumerate(rows):
            column, y = divmod(number, self.rows)
            for lane, node in enumerate(row):
                offset = (lane + 0.5 + (self.lanes - len(row)) / 2) * self.lane_width
                x = column * self.lanes * self.lane_width + offset
                self.places[node] = _Place(x, MARGIN + (y + 0.5) * ROW_HEIGHT, column)

    def _with_bends(self, design: Design) -> nx.DiGraph[str]:
        import networkx as nx  # noqa: PLC0415  # only a new drawing needs it

        plain: nx.DiGraph[str] = nx.DiGraph()
        for stream in design.streams:
            plain.add_edge(stream.sender or INPUT, stream.receiver or OUTPUT)
        generations = nx.topological_generations(plain)
        row_of = {node: row for row, nodes in enumerate(generations) for node in nodes}
        graph: nx.DiGraph[str] = nx.DiGraph()
        for number, stream in enumerate(design.streams):
            start, end = stream.sender or INPUT, stream.receiver or OUTPUT
            passed = range(row_of[start] + 1, row_of[end])
            path = [start, *(f"bend {number} {row}" for row in passed), end]
            nx.add_path(graph, path)
            self.paths.append((stream, path))
        return graph

    @staticmethod
    def _rows(graph: nx.DiGraph[str]) -> list[list[str]]:
        """The nodes of each row, from left to right: in the order of those above them."""
        import networkx as nx  # noqa: PLC0415

        rows: list[list[str]] = []
        for nodes in nx.topological_generations(graph):
            above = {node: lane for lane, node in enumerate(rows[-1])} if rows else {}

            def lane(node: str, above: Mapping[str, int] = above) -> float:
                lanes = [above[each] for each in graph.predecessors(node)]
                return sum(lanes) / len(lanes) if lanes else 0.0

            rows.append(sorted(nodes, key=lane))
        return rows


def _draw(design: Design) -> Drawing:
    layout = _Layout(design)
    drawing = style.new(style.WIDE, layout.height)
    drawing.set_layout_engine(None)  # boxes are where they are
    axes = drawing.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, style.WIDE), ylim=(layout.height, 0))
    axes.axis("off")
    for stream, path in layout.paths:
        _draw_stream(axes, layout, stream, path)
    most = max(layer.cycles for layer in design.layers)
    for layer in design.layers:
        _draw_layer(axes, layout, layer, is_busiest=layer.cycles == most)
    for name in (INPUT, OUTPUT):
        place = layout.places[name]
        axes.text(place.x, place.y, name, ha="center", va="center", color=style.MUTED)
    return drawing


def _draw_layer(axes: Axes, layout: _Layout, layer: Layer, *, is_busiest: bool) -> None:
    from matplotlib.patches import FancyBboxPatch  # noqa: PLC0415

    place, width = layout.places[layer.name], layout.lane_width * BOX_WIDTH
    axes.add_patch(
        FancyBboxPatch(
            (place.x - width / 2, place.y - BOX_HEIGHT / 2), width, BOX_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.05", linewidth=1.0,
            linestyle=(0, (4, 2)) if layer.stands_in else "-",
            edgecolor=style.SERIES[1 if is_busiest else 0],
            facecolor=style.SERIES[1] if is_busiest else style.PAPER, zorder=2,
        )
    )  # fmt: skip
    ink, muted = (style.PAPER, style.PAPER) if is_busiest else (style.INK, style.MUTED)
    size = min(7.0, 2.75 * width)
    head = f"{layer.label}  ({layer.folding})" if layer.folding else layer.label
    used = [f"{count:,} {unit}" for unit, count in layer.resources.items()]
    cycles = f"{layer.cycles:,} cycles" if layer.cycles else "keeps pace"
    for text, shift, colour, weight in (
        (head, -0.075, ink, "bold"), (", ".join([cycles, *used]), 0.075, muted, "normal"),
    ):  # fmt: skip
        axes.text(
            place.x, place.y + shift, text, ha="center", va="center", fontsize=size, color=colour,
            weight=weight, zorder=3,
        )  # fmt: skip


def _draw_stream(axes: Axes, layout: _Layout, stream: Stream, path: list[str]) -> None:
    """An arrow, level between rows, and over the top into the next column."""
    places = [layout.places[name] for name in path]
    gap = (ROW_HEIGHT - BOX_HEIGHT) / 2
    xs, ys = [places[0].x], [places[0].y + BOX_HEIGHT / 2]
    for before, place in pairwise(places):
        level = before.y + ROW_HEIGHT / 2
        if place.column != before.column:
            gutter = place.column * layout.lanes * layout.lane_width
            xs += [before.x, gutter, gutter]
            ys += [layout.height - MARGIN * 0.6, layout.height - MARGIN * 0.6, MARGIN * 0.6]
            level = MARGIN * 0.6
        elif place.x != before.x:
            xs.append(before.x)
            ys.append(level)
        xs += [place.x, place.x]
        ys += [level, place.y]
    ys[-1] -= BOX_HEIGHT / 2
    axes.plot(xs, ys, color=style.MUTED, linewidth=0.9, zorder=1)
    axes.annotate(
        "", (xs[-1], ys[-1]), (xs[-1], ys[-1] - 0.1), zorder=1,
        arrowprops={"arrowstyle": "-|>", "color": style.MUTED, "linewidth": 0.9, "shrinkA": 0,
                    "shrinkB": 0, "mutation_scale": 7},
    )  # fmt: skip
    # Of several streams from one box, each is named where it ends.
    x, y = (places[1].x, 1.4) if path[0] in layout.forks else (places[0].x, 1.0)
    deep = stream.depth > SMALLEST_DEPTH
    axes.text(
        x + 0.06, ys[0] + gap * (y if places[1].x == places[0].x or y > 1 else 0.55),
        f"{stream.depth:,} x {stream.width_bits} bit", fontsize=6, va="center", zorder=4,
        color=style.LIMIT if deep else style.MUTED, weight="bold" if deep else "normal",
    )  # fmt: skip
