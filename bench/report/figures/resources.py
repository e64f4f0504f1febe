"""LUT, BRAM and DSP against bits and folding, with what the part has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from bench.console.text import counted
from bench.provenance import PART
from bench.report.figures import style
from bench.report.figures.base import Figure, bound, mark_points
from bench.report.figures.frames import (
    RESOURCES,
    bits_order,
    folding_order,
    listed,
    number,
    part_note,
    slug,
)
from bench.report.material import Material

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing


def resource_figures(material: Material) -> Iterator[Figure]:
    """One figure per part."""
    for part, own in material.sound.groupby("part", sort=False):
        yield _figure(str(part), own, material.limits.get(str(part), {}))


def _figure(part: str, results: pd.DataFrame, limits: Mapping[str, int]) -> Figure:
    name, title = f"resources-{slug(part)}", f"Resources against bits and folding, {part}"
    known = results.dropna(subset=["lut"])
    if known.empty:
        return Figure(name, title, "No design has been compiled yet.")
    # A design has the same resources whatever it was trained on and with which seed.
    known = known.drop_duplicates(
        ["network", "weight_bits", "act_bits", "folding", "board", *RESOURCES]
    )
    over = {label: int((number(known[r]) > limits.get(r, float("inf"))).sum())
            for r, label in RESOURCES.items()}  # fmt: skip
    fitting = int(known["fits"].eq(True).sum())
    seen = (
        f"{counted(len(known), 'design')}; {fitting} of them fit the {part} "
        f"({_limits_text(limits)}), by estimate. "
        f"Over the limit: {listed(f'{label} {count}' for label, count in over.items())}. "
        "Each marker is one design; its place within a column is its activation bits, "
        "the fewest on the left."
    )
    if note := part_note(known):
        seen += f"{note} Such markers are hollow."
    source = (
        "estimated: FINN's analytic model of the variant that it would build; columns lut, bram18 "
        f"and dsp of {counted(len(known), 'row')} of results.csv"
    )
    columns = [
        "name", "weight_bits", "act_bits", "folding", *RESOURCES, "lut_scope", "fits",
        *_SYNTHESIZED,
    ]  # fmt: skip
    if known["lut_synth"].notna().any():
        source += "; black outline: Vivado, after synthesis (lut_synth, bram18_synth, dsp_synth)"
    return Figure(name, title, seen, source, known[columns], lambda: _draw(known, limits))


_SYNTHESIZED = tuple(f"{name}_synth" for name in RESOURCES)


def _limits_text(limits: Mapping[str, int]) -> str:
    return listed(f"{limits[name]:,} {label}" for name, label in RESOURCES.items()
                  if name in limits) or "limits not known"  # fmt: skip


def _draw(results: pd.DataFrame, limits: Mapping[str, int]) -> Drawing:
    drawing = style.new(style.WIDE, 7.2)
    panels = drawing.subplots(len(RESOURCES), 1, sharex=True)
    for axes, (name, label) in zip(panels, RESOURCES.items(), strict=True):
        _panel(axes, results, name, limits.get(name, 0))
        axes.set_ylabel(label)
        if name in limits:
            bound(axes, limits[name], f"{limits[name]:,}\nin the part")
    panels[-1].set_xlabel("weight bits")
    handles, labels = panels[0].get_legend_handles_labels()
    drawing.legend(
        handles, labels, loc="outside upper left", ncols=min(len(labels), 6), title="folding",
        alignment="left", handletextpad=0.2, title_fontsize=8,
    )  # fmt: skip
    return drawing


def _places(results: pd.DataFrame, weights: list[object]) -> pd.Series:
    """Where each design stands: a column per weight bits, in it those activation bits there are."""
    places = pd.Series(0.0, index=results.index)
    for column, bits in enumerate(weights):
        own = results[[one == bits for one in results["weight_bits"]]]
        acts = bits_order(own["act_bits"])
        shift = own["act_bits"].map(acts.index).astype(float) - (len(acts) - 1) / 2
        places[own.index] = column + 0.8 / len(acts) * shift
    return places


def _panel(axes: Axes, results: pd.DataFrame, name: str, limit: int) -> None:
    weights = bits_order(results["weight_bits"])
    places = _places(results, weights)
    for nth, folding in enumerate(folding_order(results)):
        own = results[results["folding"].eq(folding)]
        colour, marker = style.series(nth)
        x = places[own.index]
        part = (own["lut_scope"].eq(PART) & (name == "lut")).fillna(False).astype(bool)
        for chosen, face, outline in ((~part, colour, style.PAPER), (part, "none", colour)):
            estimated = axes.scatter(
                x[chosen], number(own[name])[chosen], s=22, marker=marker, facecolor=face,
                alpha=0.85, edgecolor=outline, linewidth=1.0 if face == "none" else 0.3, zorder=3,
            )  # fmt: skip
            mark_points(estimated, list(own["point"][chosen]))
        axes.scatter([], [], s=22, marker=marker, facecolor=colour, label=folding)
        synthesized = number(own[f"{name}_synth"])
        if synthesized.notna().any():
            axes.scatter(
                x, synthesized, s=30, marker=marker, facecolor="none", edgecolor=style.INK,
                linewidth=0.9, zorder=4,
            )  # fmt: skip
    values = number(results[name])
    top = 2.2 * max(values.max(), limit, 1)
    if values.min() > 0:
        axes.set_yscale("log")
        axes.set_ylim(values.min() / 2, top)
    else:  # a logarithm has no place for designs without a single DSP slice
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(-0.2, top)
    style.plain_numbers(axes, "y")
    axes.set_xticks(range(len(weights)), map(str, weights))
    axes.set_xlim(-0.5, len(weights) - 0.5)
    for edge in range(1, len(weights)):
        axes.axvline(edge - 0.5, color=style.RULE, linewidth=0.6)
    axes.grid(visible=False, axis="x")
