"""Throughput against folding: estimated, simulated and measured side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bench.console.text import counted, number_text
from bench.report.figures import style
from bench.report.figures.base import Figure, bound
from bench.report.figures.frames import about_models, folding_order, rate_column, rates
from bench.report.material import Material
from bench.results.rates import INTERVALS
from bench.words import Origin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

NAME, TITLE = "throughput", "Throughput against folding"
SHARED = "; precisions of the same throughput share a marker"
ORIGINS = (Origin.ESTIMATED, Origin.RTL_SIM, Origin.EMULATED_BOARD, Origin.BOARD)


def throughput_figure(material: Material) -> Figure:
    """Images per second of every point, by folding and origin."""
    points = throughputs(material)
    if points.empty:
        return Figure(NAME, TITLE, "No design has been compiled yet.")
    order = [name for name in folding_order(material.sound) if name in set(points["folding"])]
    bounds = dma_bounds(material)
    simulated = points[points["origin"] == Origin.RTL_SIM]["images_per_s"]
    seen = (
        f"Images per second at {counted(len(order), 'folding')}, slowest first"
        + ("" if about_models(material.results) else SHARED)
        + "."
    )
    if len(simulated) > 1:
        ratio = simulated.max() / simulated.min()
        seen += (
            f" In simulation the fastest point takes {number_text(simulated.max())} images/s, "
            f"the slowest {number_text(simulated.min())}: {ratio:.1f} times."
        )
    for bytes_per_image, per_cycle, limit in bounds:
        seen += (
            f" An image of {bytes_per_image:,} bytes through a DMA of {per_cycle} bytes per "
            f"cycle bounds a board at {number_text(limit)} images/s, however fast the accelerator "
            "is."
        )
    counts = points["origin"].value_counts()
    source = "; ".join(
        f"{origin}: {_meaning(origin)}, {counted(counts[origin], 'row')} of results.csv"
        for origin in ORIGINS
        if origin in counts
    )
    return Figure(
        NAME, TITLE, seen, source, points.drop(columns="point"),
        lambda: _draw(points, order, [limit for *_, limit in bounds]),
    )  # fmt: skip


def _meaning(origin: Origin) -> str:
    match origin:
        case Origin.ESTIMATED:
            return f"clock / {INTERVALS[origin]}"
        case Origin.RTL_SIM:
            return f"{rate_column(origin)} = clock / {INTERVALS[origin]}, the accelerator alone"
        case Origin.EMULATED_BOARD:
            return f"clock / {INTERVALS[Origin.MEASURED]}, the modelled DMA included"
        case _:
            return f"clock / {INTERVALS[Origin.MEASURED]}, at the clock of the build"


def throughputs(material: Material) -> pd.DataFrame:
    """One row per point and origin: point, experiment, folding, origin, images_per_s.

    What was measured at another clock than that of the build is scaled to the latter.
    """
    results = material.sound
    measured = rates(results, Origin.MEASURED)
    kinds = {origin: rates(results, origin) for origin in (Origin.ESTIMATED, Origin.RTL_SIM)} | {
        origin: measured.where(results["measured_on"].eq(origin).fillna(False))
        for origin in (Origin.EMULATED_BOARD, Origin.BOARD)
    }
    frames = [
        pd.DataFrame(
            {
                "point": results["point"],
                "experiment": results["name"],
                "folding": results["folding"].astype(str),
                "origin": str(origin),
                "images_per_s": values,
            }
        ).dropna(subset=["images_per_s"])
        for origin, values in kinds.items()
    ]
    return pd.concat(frames, ignore_index=True)


def dma_bounds(material: Material) -> list[tuple[int, int, float]]:
    """Bytes per image, bytes per cycle, and the images per second that these allow; each once."""
    bounds = set()
    for row, dma in material.dma.items():
        clock = float(material.results["clock_mhz"].iloc[row]) * 1e6
        limit = clock / (dma.image_bytes / dma.bytes_per_cycle)
        bounds.add((dma.image_bytes, dma.bytes_per_cycle, limit))
    return sorted(bounds)


def _draw(points: pd.DataFrame, order: list[str], bounds: list[float]) -> Drawing:
    drawing = style.new(style.WIDE, 3.9)
    axes = drawing.add_subplot()
    origins = [origin for origin in ORIGINS if origin in set(points["origin"])]
    step = 0.66 / max(len(origins), 2)
    for nth, origin in enumerate(origins):
        colour, marker = style.series(nth)
        place = (nth - (len(origins) - 1) / 2) * step
        own = points[points["origin"] == origin]
        for folding, values in own.groupby("folding")["images_per_s"]:
            # A hundred precisions of one folding mostly have one and the same throughput.
            distinct = values.groupby(values.map("{:.3g}".format)).median()
            x = order.index(str(folding)) + place
            axes.scatter(
                [x] * len(distinct), distinct, s=38, marker=marker, facecolor=colour,
                edgecolor=style.PAPER, linewidth=0.5, zorder=3,
            )  # fmt: skip
            if len(distinct) == 1:
                _name(axes, (x, distinct.iloc[0]), nth, colour)
        axes.scatter([], [], s=38, marker=marker, facecolor=colour, label=origin)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(low / 1.6, max([high, *bounds]) * 1.6)
    for limit in bounds:
        bound(axes, limit, f"DMA bound\n{number_text(limit)}")
    axes.set_xticks(range(len(order)), order)
    axes.set_xlim(-0.5, len(order) - 0.5)
    axes.grid(visible=False, axis="x")
    axes.set(xlabel="folding", ylabel="images per second")
    style.plain_numbers(axes, "y")
    drawing.legend(loc="outside upper left", ncols=len(origins), handletextpad=0.2)
    return drawing


def _name(axes: Axes, place: tuple[float, float], nth: int, colour: str) -> None:
    """The value, above or below its marker in turn, so that neighbours do not collide."""
    up, below = ((7, False), (16, False), (-7, True), (-16, True))[nth]
    axes.annotate(
        number_text(place[1]), place, xytext=(0, up), textcoords="offset points", fontsize=7,
        ha="center", va="top" if below else "bottom", color=colour,
    )  # fmt: skip
