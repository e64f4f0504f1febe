"""Throughput and accuracy of the fastest design that fits, at each precision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from bench.console.text import counted, listed, number_text
from bench.report.fastest import Fastest, fastest_designs
from bench.report.figures import style
from bench.report.figures.base import Figure, mark_points
from bench.report.figures.frames import slug
from bench.report.material import Material
from bench.results.rows import grouped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

# Up to so many precisions have their numbers, foldings and sources in the drawing.
FEW = 8
# So many precisions without a design are named below the drawing; its data has all.
NAMED = 6


def fastest_figures(material: Material) -> Iterator[Figure]:
    """One figure for each data set and board."""
    designs = fastest_designs(material.rows)
    boards = len({one.board for one in designs}) > 1
    for (dataset, board), own in grouped(designs, lambda one: (one.dataset, one.board)).items():
        yield _figure(dataset, board, own, material, boards=boards)


def _figure(
    dataset: str, board: str, designs: Sequence[Fastest], material: Material, *, boards: bool
) -> Figure:
    name = f"fastest-{slug(dataset)}" + (f"-{slug(board)}" if boards else "")
    title = f"The fastest design that fits, at each precision: {dataset}, {board}"
    found = [one for one in designs if one.core]
    if not found:
        return Figure(name, title, _lacking(designs), first=True)
    sources = Counter(one.fits_by for one in found)
    lacking = _lacking(designs) if len(found) < len(designs) else ""
    seen = " ".join(filter(None, (_seen(found), _unsure(found), lacking)))
    rows = [material.rows[one.number] for one in found if one.number is not None]
    kinds = sorted({str(row["measured_on"]) for row in rows if row["measured_on"]})
    whose = "given model" if found[0].bits is None else "trained network"
    source = (
        f"throughput: rtl-sim (clock / ii_simulated){_with_dma(kinds)}; accuracy: {whose}, "
        "whole test set; fits: "
        + listed(f"{by} at {counted(count, 'precision')}" for by, count in sources.items())
        + f"; {counted(len(found), 'row')} of results.csv"
    )
    return Figure(name, title, seen, source, _data(designs), lambda: _draw(designs), first=True)


def _with_dma(kinds: Sequence[str]) -> str:
    return f" and {listed(kinds)} (clock / ii_measured)" if kinds else ""


def _seen(found: Sequence[Fastest]) -> str:
    best, worst = max(found, key=_core), min(found, key=_core)
    if len(found) == 1:
        return f"{_told(best)}."
    if _core(best) == _core(worst):
        return f"As fast in the core at all of {counted(len(found), 'precision')}: {_told(best)}."
    ratio = f"{_core(best) / _core(worst):.1f} times in the core"
    if best.system and worst.system:
        ratio += f" and {best.system / worst.system:.1f} times with the DMA"
    return f"Fastest: {_told(best)}. Slowest: {_told(worst)}. That is {ratio}."


def _core(one: Fastest) -> float:
    return one.core or 0.0


def _told(one: Fastest) -> str:
    assert one.row is not None, "only designs that are there are told of"
    system = "" if one.system is None else f", {number_text(one.system)} with the DMA"
    accuracy = "" if one.accuracy is None else f", accuracy {one.accuracy:.2%}"
    return (
        f"{one.label} as '{one.row['folding']}' with {number_text(_core(one))} images/s in the "
        f"core{system}{accuracy}"
    )


def _unsure(found: Sequence[Fastest]) -> str:
    """Which designs fit, and not for certain; empty for none."""
    unsure = [f"{one.label} ({one.may_exceed})" for one in found if one.may_exceed]
    if not unsure:
        return ""
    some = f"{listed(_first(unsure))} may exceed it"
    return f"Not every one fits the part for certain: at the upper end of the error bars {some}."


def _lacking(designs: Sequence[Fastest]) -> str:
    """Which precisions have no design that fits, by reason."""
    reasons = grouped((one for one in designs if not one.core), lambda one: one.why)
    return " ".join(
        f"No design at {listed(_first([one.label for one in own]))}: {why}."
        for why, own in reasons.items()
    )


def _first(labels: Sequence[str]) -> list[str]:
    more = len(labels) - NAMED
    return [*labels[:NAMED], *([f"{more} more precisions"] if more > 0 else [])]


def _data(designs: Sequence[Fastest]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "bits": one.label,
                "name": one.row["experiment"] if one.row else None,
                "folding": one.row["folding"] if one.row else None,
                "images_per_s_core": one.core,
                "images_per_s_with_dma": one.system,
                "accuracy": one.accuracy,
                "fits_by": one.fits_by or None,
                "may_exceed": one.may_exceed,
                "why_none": one.why or None,
            }
            for one in designs
        ]
    ).convert_dtypes()


def _draw(designs: Sequence[Fastest]) -> Drawing:
    with_accuracy = any(one.accuracy is not None for one in designs)
    drawing = style.new(style.WIDE, 3.5 if with_accuracy else 2.6)
    rows = 2 if with_accuracy else 1
    ratios = [2.0, 1.0][:rows]
    panels = drawing.subplots(
        rows, 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios}
    )[:, 0]
    few = len(designs) <= FEW
    _throughputs(panels[0], designs, few=few)
    if with_accuracy:
        _accuracies(panels[1], designs, few=few)
    labels = [_tick(one) if few else one.label for one in designs]
    panels[-1].set_xticks(range(len(designs)), labels, rotation=0 if few else 90)
    panels[-1].set_xlim(-0.6, len(designs) - 0.4)
    handles, names = panels[0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside upper left", ncols=2, handletextpad=0.2)
    return drawing


def _tick(one: Fastest) -> str:
    if one.row is None:
        return one.label
    return f"{one.label}\n{one.row['folding']}\nfits: {one.fits}".replace(", ", ",\n")


def _throughputs(axes: Axes, designs: Sequence[Fastest], *, few: bool) -> None:
    found = [(place, one) for place, one in enumerate(designs) if one.core]
    series = (("in the core", "core", 9, "bottom"), ("with the DMA", "system", -9, "top"))
    for nth, (name, value, away, align) in enumerate(series):
        colour, marker = style.series(nth)
        own = [(place, one) for place, one in found if getattr(one, value)]
        if not own:
            continue
        marks = axes.scatter(
            [place for place, _ in own], [getattr(one, value) for _, one in own], s=110 - 80 * nth,
            marker=marker, facecolor=colour, edgecolor=style.PAPER, linewidth=0.5, zorder=3 + nth,
            label=name,
        )  # fmt: skip
        mark_points(marks, [one.number for _, one in own if one.number is not None])
        for place, one in own if few else ():
            if nth and one.core == one.system:
                continue  # one number for both
            axes.annotate(
                number_text(getattr(one, value)), (place, getattr(one, value)), xytext=(0, away),
                textcoords="offset points", ha="center", va=align, fontsize=8,
            )  # fmt: skip
    for place, one in enumerate(designs):
        if not one.core:
            axes.annotate(
                "no design fits", (place, 0.5), xycoords=("data", "axes fraction"), rotation=90,
                ha="center", va="center", fontsize=8, color=style.LIMIT,
            )  # fmt: skip
    axes.set_yscale("log")
    axes.margins(y=0.35 if few else 0.1)
    axes.set_ylabel("images per second")
    style.plain_numbers(axes, "y")
    axes.grid(visible=False, axis="x")


def _accuracies(axes: Axes, designs: Sequence[Fastest], *, few: bool) -> None:
    known = [
        (place, 100 * one.accuracy) for place, one in enumerate(designs) if one.accuracy is not None
    ]
    colour, marker = style.series(2)
    places, values = [place for place, _ in known], [value for _, value in known]
    axes.scatter(places, values, s=30, marker=marker, facecolor=colour, zorder=3)
    for place, value in known if few else ():
        axes.annotate(
            f"{value:.2f}%", (place, value), xytext=(8, 0), textcoords="offset points",
            ha="left", va="center", fontsize=8,
        )  # fmt: skip
    axes.margins(y=0.25)
    axes.set_ylabel("accuracy (%)")
    axes.grid(visible=False, axis="x")
