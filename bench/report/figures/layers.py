"""Where the cycles go inside a design: layer by layer, and which streams wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from bench.console.text import counted, listed
from bench.report.figures import style
from bench.report.figures.base import Figure
from bench.report.material import Design, Material
from bench.results.rates import INTERVALS, rate
from bench.words import Origin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

SMALLEST_DEPTH = 2


def layer_figures(material: Material) -> Iterator[Figure]:
    """Cycles by layer and stalls by stream, of the slowest design and the fastest that fits."""
    designs = dict(_shown(material))
    for name, title, figure in (
        ("layers", "Cycles per layer", _layers),
        ("streams", "Where streams stall", _streams),
    ):
        if designs:
            yield figure(name, title, designs)
        else:
            yield Figure(name, title, "No design has been simulated yet.")


def _shown(material: Material) -> Iterator[tuple[str, Design]]:
    """The designs that are shown, by what each is."""
    slowest, fastest = material.slowest, material.fastest
    if slowest is not None and slowest == fastest:
        simulated = sum(rate(row, Origin.RTL_SIM) is not None for row in material.rows)
        yield "only design" if simulated == 1 else f"slowest and {slowest.as_fastest}", slowest
        return
    if slowest is not None:
        yield "slowest", slowest
    if fastest is not None:
        yield fastest.as_fastest, fastest


def _layers(name: str, title: str, designs: Mapping[str, Design]) -> Figure:
    data = pd.DataFrame(
        [
            {"design": design.name, "layer": layer.name, "cycles": layer.cycles}
            for design in designs.values()
            for layer in design.layers
        ]
    )
    seen = " ".join(_layers_text(kind, design) for kind, design in designs.items())
    source = (
        "layers: estimated (analytic model of the RTL that was simulated); interval: "
        f"rtl-sim ({INTERVALS[Origin.RTL_SIM]}); metrics of compile and simulate of "
        f"{listed(data['design'].unique())}"
    )
    return Figure(name, title, seen, source, data, lambda: _draw_layers(designs))


def _layers_text(kind: str, design: Design) -> str:
    most = max(layer.cycles for layer in design.layers)
    busiest = [layer.label for layer in design.layers if layer.cycles == most]
    return (
        f"In {design.name} ({kind}) {listed(busiest)} "
        f"{'takes' if len(busiest) == 1 else 'take'} the most, {most:,} cycles an image; "
        f"simulated, an image comes out every {design.interval:,.2f}."
    )


def _draw_layers(designs: Mapping[str, Design]) -> Drawing:
    rows = max(len(design.layers) for design in designs.values())
    drawing = style.new(style.WIDE, (0.7 + 0.24 * rows) * len(designs))
    panels = drawing.subplots(len(designs), 1, squeeze=False)[:, 0]
    for axes, (kind, design) in zip(panels, designs.items(), strict=True):
        cycles = [layer.cycles for layer in design.layers]
        colours = [style.SERIES[1 if c == max(cycles) else 0] for c in cycles]
        axes.barh(range(len(cycles)), cycles, color=colours, height=0.68)
        for y, count in enumerate(cycles):
            text = f"{count:,}" if count else "keeps pace"
            axes.annotate(
                text, (count, y), xytext=(4, 0), textcoords="offset points", va="center",
                fontsize=7.5, color=style.INK if count else style.MUTED,
                weight="bold" if count == max(cycles) else "normal",
            )  # fmt: skip
        labels = [
            f"{layer.label}  ({layer.folding})" if layer.folding else layer.label
            for layer in design.layers
        ]
        axes.set_yticks(range(len(cycles)), labels)
        axes.invert_yaxis()
        axes.set_xlim(0, max(cycles) * 1.12)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        style.plain_numbers(axes, "x")
        axes.set_title(f"{kind}: {design.name}")
    panels[-1].set_xlabel("cycles per image (estimated)")
    return drawing


def _streams(name: str, title: str, designs: Mapping[str, Design]) -> Figure:
    data = pd.DataFrame(
        [
            {
                "design": design.name, "stream": stream.name, "fifo_depth": stream.depth,
                "blocked": stream.blocked, "starved": stream.starved,
            }
            for design in designs.values() for stream in design.streams
        ]
    )  # fmt: skip
    seen = " ".join(_streams_text(kind, design) for kind, design in designs.items())
    if data["blocked"].isna().all():
        seen += " How long each stream stalls: too few images for a steady state."
    source = (
        "rtl-sim: FIFO depths of stage size, stalls counted by stage simulate, of "
        f"{listed(data['design'].unique())}"
    )
    return Figure(name, title, seen, source, data, lambda: _draw_streams(designs))


def _streams_text(kind: str, design: Design) -> str:
    deeper = [stream for stream in design.streams if stream.depth > SMALLEST_DEPTH]
    text = (
        f"In {design.name} ({kind}) {counted(len(deeper), 'stream')} of {len(design.streams)} "
        f"{'needs' if len(deeper) == 1 else 'need'} a FIFO deeper than {SMALLEST_DEPTH}"
    )
    if design.unsized is None:
        return f"{text}."
    return (
        f"{text}; with none an image takes {design.unsized:,.2f} cycles, sized "
        f"{design.interval:,.2f}."
    )


def _draw_streams(designs: Mapping[str, Design]) -> Drawing:
    rows = max(len(design.streams) for design in designs.values())
    drawing = style.new(style.WIDE, (0.75 + 0.27 * rows) * len(designs) + 0.3)
    panels = drawing.subplots(len(designs), 2, squeeze=False, sharey="row", width_ratios=(3, 2))
    for (left, right), (kind, design) in zip(panels, designs.items(), strict=True):
        _stalls_panel(left, design)
        _depths_panel(right, design)
        left.set_yticks(range(len(design.streams)), [s.label for s in design.streams])
        left.invert_yaxis()
        left.set_title(f"{kind}: {design.name}")
    panels[-1][0].set_xlabel("share of cycles (%)")
    panels[-1][1].set_xlabel("depth of the FIFO (words)")
    handles, labels = panels[0][0].get_legend_handles_labels()
    if handles:
        drawing.legend(handles, labels, loc="outside upper right", ncols=2)
    return drawing


def _stalls_panel(axes: Axes, design: Design) -> None:
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 100)
    if all(stream.blocked is None for stream in design.streams):
        axes.text(
            0.5, 0.5, "no steady state", ha="center", va="center", transform=axes.transAxes,
            color=style.MUTED,
        )  # fmt: skip
        return
    kinds = (("sender waits: FIFO full", "blocked", 1, "////"),
             ("receiver waits: FIFO empty", "starved", 5, None))  # fmt: skip
    for nth, (label, attribute, colour, hatch) in enumerate(kinds):
        shares = [100 * (getattr(stream, attribute) or 0) for stream in design.streams]
        places = [y + (nth - 0.5) * 0.36 for y in range(len(shares))]
        axes.barh(
            places, shares, height=0.34, color=style.SERIES[colour], label=label, hatch=hatch,
            edgecolor=style.PAPER, linewidth=0,
        )  # fmt: skip


def _depths_panel(axes: Axes, design: Design) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    depths = [stream.depth for stream in design.streams]
    places = range(len(depths))
    axes.hlines(places, 0, depths, color=style.SERIES[0], linewidth=1.2)
    axes.scatter(depths, places, color=style.SERIES[0], s=22, zorder=3)
    for y, depth in enumerate(depths):
        axes.annotate(
            str(depth), (depth, y), xytext=(6, 0), textcoords="offset points", va="center",
            fontsize=7.5,
        )  # fmt: skip
    axes.set_xlim(0, max(depths) * 1.25)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0, labelleft=False)
