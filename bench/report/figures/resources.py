"""LUT, BRAM and DSP against bits and folding, with what the part has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from bench.console.text import counted, listed
from bench.report.figures import style
from bench.report.figures.base import Figure, bound, mark_points
from bench.report.figures.frames import (
    about_models,
    best,
    bits_order,
    folding_order,
    from_better,
    number,
    part_note,
    resources,
    slug,
)
from bench.report.material import Material
from bench.results import PART, Column, column
from bench.words import AS_GIVEN, Origin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing


BITS = ("weight_bits", "act_bits")


def resource_figures(material: Material) -> Iterator[Figure]:
    """One figure per part."""
    for part, own in material.sound.groupby("part", sort=False):
        yield _figure(str(part), own, material.limits.get(str(part), {}))


def _figure(part: str, results: pd.DataFrame, limits: Mapping[str, int]) -> Figure:
    name, title = f"resources-{slug(part)}", f"Resources against bits and folding, {part}"
    names = resources()
    designs = results.dropna(subset=list(names), how="all")
    if designs.empty:
        return Figure(name, title, "No design has been compiled yet.")
    # A design has the same resources whatever it was trained on and with which seed.
    designs = designs.drop_duplicates(
        ["network", "weight_bits", "act_bits", "folding", "board", *names]
    )
    over = {label: int((best(designs, r) > limits.get(r, float("inf"))).sum())
            for r, label in names.items()}  # fmt: skip
    fitting = int(designs["fits"].eq(True).sum())
    judges = listed(dict.fromkeys(designs["fits_by"].dropna())) or str(Origin.ESTIMATED)
    seen = (
        f"{counted(len(designs), 'design')}; {fitting} of them fit the {part} "
        f"({_limits_text(limits)}), {judges}. "
        f"Over the limit: {listed(f'{label} {count}' for label, count in over.items())}. "
        "Each marker is one design"
    )
    if about_models(designs):
        seen += "."
    else:
        seen += "; its place within a column is its activation bits, the fewest on the left."
    if note := part_note(designs[designs[from_better(Origin.MAPPED)["lut"]].isna()]):
        seen += f"{note} Such markers are hollow."
    source = (
        f"estimated: {column(next(iter(names))).formula} of the variant to be built; columns "
        f"{listed(names)} of {counted(len(designs), 'row')} of results.csv"
    )
    scopes = [scope for name in names if (scope := column(name).scope)]
    mapped, built = (
        list(from_better(origin).values()) for origin in (Origin.MAPPED, Origin.SYNTHESIZED)
    )
    columns = [
        "name", "weight_bits", "act_bits", "folding", *names, *scopes, *mapped,
        *(bound for name in mapped for bound in column(name).bounds or ()), "fits", "fits_by",
        *built,
    ]  # fmt: skip
    if designs[mapped].notna().any(axis=None):
        source += (
            f"; where mapped ({listed(mapped)}), the marker is that number, its whisker the error "
            "by calibration with published figures of Vivado's, and a dash the estimate"
        )
    if designs[built].notna().any(axis=None):
        source += f"; black outline: Vivado, after synthesis ({', '.join(built)})"
    return Figure(name, title, seen, source, designs[columns], lambda: _draw(designs, limits))


def _limits_text(limits: Mapping[str, int]) -> str:
    return listed(f"{limits[name]:,} {label}" for name, label in resources().items()
                  if name in limits) or "limits not known"  # fmt: skip


def _draw(results: pd.DataFrame, limits: Mapping[str, int]) -> Drawing:
    results = results.assign(
        **{bits: results[bits].astype(object).fillna(AS_GIVEN) for bits in BITS}
    )
    drawing = style.new(style.WIDE, 7.2)
    panels = drawing.subplots(len(resources()), 1, sharex=True)
    for axes, (name, label) in zip(panels, resources().items(), strict=True):
        _panel(axes, results, name, limits.get(name, 0))
        axes.set_ylabel(label)
        if name in limits:
            bound(axes, limits[name], f"{limits[name]:,}\nin the part")
    panels[-1].set_xlabel("weight bits")
    style.folding_legend(drawing, panels[0])
    return drawing


def _places(results: pd.DataFrame, weights: list[object]) -> pd.Series:
    """Where each design stands: a column per weight bits, in it those activation bits there are."""
    places = pd.Series(0.0, index=results.index)
    for place, bits in enumerate(weights):
        own = results[[widths == bits for widths in results["weight_bits"]]]
        acts = bits_order(own["act_bits"])
        shift = own["act_bits"].map(acts.index).astype(float) - (len(acts) - 1) / 2
        places[own.index] = place + 0.8 / len(acts) * shift
    return places


def _whiskers(axes: Axes, x: pd.Series, own: pd.DataFrame, mapped: Column, colour: str) -> None:
    """What Vivado would count at least and at most."""
    if mapped.bounds is not None:
        low, high = (number(own[bound]) for bound in mapped.bounds)
        axes.vlines(x, low, high, color=colour, linewidth=0.9, alpha=0.7, zorder=2.5)


def _panel(axes: Axes, results: pd.DataFrame, name: str, limit: int) -> None:
    weights = bits_order(results["weight_bits"])
    places = _places(results, weights)
    scope = column(name).scope
    for nth, folding in enumerate(folding_order(results)):
        own = results[results["folding"].eq(folding)]
        colour, marker = style.series(nth)
        x = places[own.index]
        mapped = number(own[from_better(Origin.MAPPED)[name]])
        part = own[scope].eq(PART).fillna(False) if scope else pd.Series(False, own.index)
        part &= mapped.isna()
        shown = mapped.fillna(number(own[name]))
        for chosen, face, outline in ((~part, colour, style.PAPER), (part, "none", colour)):
            drawn = axes.scatter(
                x[chosen], shown[chosen], s=22, marker=marker, facecolor=face,
                alpha=0.85, edgecolor=outline, linewidth=1.0 if face == "none" else 0.3, zorder=3,
            )  # fmt: skip
            mark_points(drawn, list(own["point"][chosen]))
        estimated = number(own[name])[mapped.notna()]
        axes.scatter(
            x[estimated.index], estimated, s=26, marker="_", color=colour, linewidth=0.9, zorder=2,
        )  # fmt: skip
        axes.scatter([], [], s=22, marker=marker, facecolor=colour, label=folding)
        _whiskers(axes, x, own, column(from_better(Origin.MAPPED)[name]), colour)
        built = number(own[from_better(Origin.SYNTHESIZED)[name]])
        if built.notna().any():
            axes.scatter(
                x, built, s=30, marker=marker, facecolor="none", edgecolor=style.INK,
                linewidth=0.9, zorder=4,
            )  # fmt: skip
    known = pd.concat([number(results[name]), best(results, name)]).dropna()
    values = known if len(known) else pd.Series([0.0])
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
