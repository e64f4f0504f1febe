"""The Pareto front of accuracy, throughput and resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.console.text import counted, listed, number_text
from bench.report.figures import style
from bench.report.figures.base import Figure, bound, mark_points
from bench.report.figures.frames import (
    about_models,
    bits_label,
    folding_order,
    number,
    part_note,
    rate_column,
    rates,
    slug,
)
from bench.report.material import Material
from bench.words import AS_GIVEN, Origin, Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

# So many points of the front are named in the drawing; all of them are in its data.
NAMED = 6
TAKEN = "part_taken"


def pareto_figures(material: Material) -> Iterator[Figure]:
    """One figure per data set: accuracies on different ones do not compare."""
    for dataset, own in material.sound.groupby("dataset", sort=False):
        yield _figure(str(dataset), own)


def _figure(dataset: str, results: pd.DataFrame) -> Figure:
    name, title = f"pareto-{slug(dataset)}", f"Accuracy, throughput and resources, {dataset}"
    points = objectives(results)
    if points.empty:
        return Figure(name, title, _why_empty(dataset, results))
    points["front"] = efficient(
        points[["accuracy", "images_per_s", "taken"]].to_numpy() * [-1, -1, 1]
    )
    front = points[points["front"]]
    origin = points.attrs["origin"]
    column = rate_column(origin)
    measured = origin == Origin.MEASURED
    origins = sorted(set(results["measured_on"].dropna())) if measured else [origin]
    judges = dict.fromkeys(results["fits_by"].loc[points.index].dropna())
    best_first = front.sort_values("accuracy", ascending=False, kind="stable")
    seen = (
        f"{counted(len(front), 'point')} of {len(points)} on the front: no other point is at least "
        "as accurate, as fast and as small, and better in one of them. "
        f"{int(results['fits'].loc[front.index].eq(True).sum())} of these fit the part. "
        f"The most accurate: {_point_text(best_first.iloc[0])}. The rest is faded. "
        "Resources are the share of the part that is taken, of the resource used most, as `fits` "
        "counts it: with the shell's reserve where the design was mapped or searched for."
        + part_note(_estimated(results.loc[points.index]))
    )
    whose = "given model" if about_models(results) else "trained network"
    source = (
        f"accuracy: {whose}, whole test set; throughput: {listed(origins)} ({column}, at "
        "clock_mhz); "
        f"resources: {listed(judges)} ({TAKEN}, by the best source of each row); "
        f"{counted(len(points), 'row')} of results.csv"
    )
    order = folding_order(results)
    return Figure(
        name, title, seen, source, points.drop(columns="point"),
        lambda: _draw(points, order, column),
    )  # fmt: skip


def _why_empty(dataset: str, results: pd.DataFrame) -> str:
    done = results["status"].eq(Status.DONE)
    if about_models(results) and done.any() and results["accuracy"].isna().all():
        return f"No label of {dataset} says what is right: there is no accuracy to weigh."
    return f"No point of {dataset} has accuracy, throughput and resources yet."


def _estimated(results: pd.DataFrame) -> pd.DataFrame:
    """The rows whose share is by the compiler's estimate: the search charges every layer."""
    by_model = results["fits_by"].eq(Origin.ESTIMATED).fillna(False)
    return results[by_model & results["searched_for"].isna()]


def objectives(results: pd.DataFrame) -> pd.DataFrame:
    """What is weighed against what, for the points of which all of it is known.

    Returns:
        Columns point, name, bits, folding, accuracy, images_per_s, taken (share of the part, as
        `part_taken` of the results). `attrs["origin"]` is that of the throughput: measured if every
        simulated point was measured, else simulated.
    """
    core, measured = rates(results, Origin.RTL_SIM), rates(results, Origin.MEASURED)
    all_measured = measured.notna().sum() >= core.notna().sum()
    points = pd.DataFrame(
        {
            "point": results["point"],
            "name": results["name"],
            "bits": results.apply(bits_label, axis=1),
            "folding": results["folding"].astype(str),
            "accuracy": number(results["accuracy"]),
            "images_per_s": measured if all_measured else core,
            "taken": number(results[TAKEN]),
        }
    ).dropna()
    points.attrs["origin"] = Origin.MEASURED if all_measured else Origin.RTL_SIM
    return points


def efficient(costs: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which rows of `costs` [points, objectives], to be made small, no other row dominates."""
    no_worse = (costs[:, None, :] <= costs[None, :, :]).all(axis=2)
    better = (costs[:, None, :] < costs[None, :, :]).any(axis=2)
    return np.asarray(~(no_worse & better).any(axis=0), dtype=np.bool_)


def _point_text(point: pd.Series) -> str:
    return (
        f"{_named(point)} with {point['accuracy']:.2%} at "
        f"{number_text(point['images_per_s'])} images/s and {point['taken']:.0%} of the part"
    )


def _named(point: pd.Series) -> str:
    bits = "" if point["bits"] == AS_GIVEN else f"{point['bits']} "
    return f"{bits}{point['folding']}"


def _draw(points: pd.DataFrame, order: list[str], column: str) -> Drawing:
    drawing = style.new(style.WIDE, 4.3)
    left, right = drawing.subplots(1, 2, sharey=True)
    for axes, name in ((left, "images_per_s"), (right, "taken")):
        _panel(axes, points, name, order)
    left.set(ylabel="test accuracy (%)", xlabel=f"images per second ({column})")
    left.set_title("faster to the right")
    right.set(xlabel="share of the part that is taken (%)")
    right.set_title("smaller to the left")
    style.plain_numbers(left, "x")
    style.plain_numbers(right, "x")
    bound(right, 100, "the part is full", vertical=True)
    _name_front(left, points)
    style.folding_legend(drawing, left)
    return drawing


def _panel(axes: Axes, points: pd.DataFrame, name: str, order: list[str]) -> None:
    factor = 100 if name == "taken" else 1
    for nth, folding in enumerate(order):
        colour, marker = style.series(nth)
        for front in (False, True):
            own = points[points["folding"].eq(folding) & points["front"].eq(front)]
            if own.empty:
                continue
            scatter = axes.scatter(
                factor * own[name], 100 * own["accuracy"], marker=marker, facecolor=colour,
                s=44 if front else 20, alpha=1 if front else 0.28,
                edgecolor=style.INK if front else "none", linewidth=0.8, zorder=4 if front else 2,
            )  # fmt: skip
            mark_points(scatter, list(own["point"]))
        if not points[points["folding"].eq(folding)].empty:
            axes.scatter([], [], marker=marker, facecolor=colour, s=36, label=folding)
    axes.set_xscale("log")
    axes.margins(y=0.1)


def _beside(point: pd.Series) -> str:
    """What tells a point from its neighbours: its bits, or of a given model its folding."""
    return str(point["folding"] if point["bits"] == AS_GIVEN else point["bits"])


def _name_front(axes: Axes, points: pd.DataFrame) -> None:
    """Bits beside the most accurate point of the front at each throughput, the best ones."""
    front = points[points["front"]].sort_values("accuracy", ascending=False, kind="stable")
    named = front.drop_duplicates("images_per_s").head(NAMED)
    for _, point in named.iterrows():
        axes.annotate(
            _beside(point), (point["images_per_s"], 100 * point["accuracy"]), xytext=(0, 6),
            textcoords="offset points", ha="center", fontsize=7.5,
        )  # fmt: skip
