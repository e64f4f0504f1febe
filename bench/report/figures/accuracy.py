"""Accuracy over bit widths, and against epochs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from bench.console.text import counted, listed
from bench.report.figures import style
from bench.report.figures.base import Figure
from bench.report.figures.frames import bits_label, bits_order, number, slug
from bench.report.material import Material
from bench.words import Precision

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

# More curves than that are told apart only where weights and activations have the same bits.
FEW_CURVES = 7


def accuracy_figures(material: Material) -> Iterator[Figure]:
    """A heat map and a figure of curves for each data set."""
    trainings = material.trainings.assign(
        name=material.trainings["experiment"].astype(str),
        accuracy=number(material.trainings["accuracy"]),
    )
    built = set(_precisions(material.results))
    trainings["built"] = [pair in built for pair in _precisions(trainings)]
    for dataset, own in trainings.groupby("dataset", sort=False):
        yield _heat_map(str(dataset), own)
        yield _curves(str(dataset), own, material)


def _precisions(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return [(str(w), str(a)) for w, a in zip(rows["weight_bits"], rows["act_bits"], strict=True)]


def _heat_map(dataset: str, trainings: pd.DataFrame) -> Figure:
    name, title = f"accuracy-{slug(dataset)}", f"Accuracy over bits, {dataset}"
    done = trainings.dropna(subset=["accuracy"])
    built = trainings[trainings["built"]]
    cells = built.pivot_table(
        index="act_bits", columns="weight_bits", values="accuracy", dropna=False, observed=False
    ).reindex(index=bits_order(built["act_bits"]), columns=bits_order(built["weight_bits"]))
    if cells.notna().sum().sum() == 0:
        return Figure(name, title, f"No precision of {dataset} has been trained yet.")
    flat = {
        (str(weights), str(acts)): float(value)
        for weights, column in cells.items()
        for acts, value in column.dropna().items()
    }
    best, worst = max(flat, key=flat.__getitem__), min(flat, key=flat.__getitem__)
    references = done[~done["built"]]
    seen = (
        f"Test accuracy of {counted(len(flat), 'precision')}, from {_at(worst, flat)} to "
        f"{_at(best, flat)}: {100 * (flat[best] - flat[worst]):.2f} percentage points apart."
        + _references_text(references)
    )
    seeds = done["seed"].nunique()
    source = (
        f"trained network, whole test set, best epoch{_mean_text(seeds)}; "
        f"{counted(len(done), 'row')} of trainings.csv, column accuracy"
    )
    columns = ["dataset", "weight_bits", "act_bits", "seed", "epochs", "accuracy"]
    width = min(style.WIDE, 2.4 + 0.62 * len(cells.columns))
    return Figure(
        name, title, seen, source, trainings[columns],
        lambda: _draw_heat_map(cells, references, width), width,
    )  # fmt: skip


def _at(cell: tuple[str, str], accuracies: Mapping[tuple[str, str], float]) -> str:
    return f"{accuracies[cell]:.2%} ({Precision.of(*cell)})"


def _references_text(references: pd.DataFrame) -> str:
    if references.empty:
        return ""
    means = references.groupby(references.apply(bits_label, axis=1), sort=False)["accuracy"].mean()
    texts = [f"{label} {accuracy:.2%}" for label, accuracy in means.items()]
    return f" For comparison, trained but not built: {listed(texts)}."


def _mean_text(seeds: int) -> str:
    return f", mean of {seeds} seeds" if seeds > 1 else ""


def _draw_heat_map(cells: pd.DataFrame, references: pd.DataFrame, width: float) -> Drawing:
    from matplotlib import colormaps  # noqa: PLC0415
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415
    from matplotlib.colors import Normalize  # noqa: PLC0415
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    values = cells.astype(float) * 100
    low, high = values.min().min(), values.max().max()
    scale = ScalarMappable(Normalize(low - 0.01, high + 0.01), colormaps[style.COLOUR_MAP])
    drawing = style.new(width, 1.3 + 0.44 * len(cells.index))
    axes = drawing.add_subplot()
    digits = 2 if high - low < 10 else 1
    for x, weights in enumerate(cells.columns):
        for y, acts in enumerate(cells.index):
            value = values.loc[acts, weights]
            trained = pd.notna(value)
            colour = scale.to_rgba(value) if trained else "none"
            cell = Rectangle(
                (x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor=style.PAPER, linewidth=1.5,
                hatch=None if trained else "////",
            )  # fmt: skip
            axes.add_patch(cell)
            if trained:
                ink = style.ink_on(tuple(scale.to_rgba(value)))
                text = f"{value:.{digits}f}"
                axes.text(x, y, text, ha="center", va="center", fontsize=8, color=ink)
    axes.set(
        xlim=(-0.5, len(cells.columns) - 0.5), ylim=(-0.5, len(cells.index) - 0.5),
        xlabel="weight bits", ylabel="activation bits",
    )  # fmt: skip
    axes.set_xticks(range(len(cells.columns)), map(str, cells.columns))
    axes.set_yticks(range(len(cells.index)), map(str, cells.index))
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    bar = drawing.colorbar(scale, ax=axes, pad=0.03, aspect=24)
    if bar.solids is not None:
        bar.solids.set(edgecolor="face", rasterized=False)
    bar.outline.set_visible(False)
    bar.set_label("test accuracy (%)")
    for value in number(references["accuracy"]) * 100:
        if low <= value <= high:
            bar.ax.axhline(value, color=style.INK, linewidth=1.4)
    return drawing


def _curves(dataset: str, trainings: pd.DataFrame, material: Material) -> Figure:
    name, title = f"epochs-{slug(dataset)}", f"Accuracy against epochs, {dataset}"
    curves = [
        (row, accuracies)
        for _, row in trainings.iterrows()
        if (accuracies := material.curves.get(row["name"]))
    ]
    if not curves:
        return Figure(name, title, f"No training of {dataset} has ended yet.")
    told = [row["name"] for row, _ in curves if _is_told(row, len(curves))]
    data = pd.DataFrame(
        [
            {"training": row["name"], "epoch": epoch, "test_accuracy": accuracy}
            for row, accuracies in curves
            for epoch, accuracy in enumerate(accuracies, 1)
        ]
    )
    finals = [accuracies[-1] for _, accuracies in curves]
    rest = len(curves) - len(told)
    seen = (
        f"Test accuracy after each epoch of {counted(len(curves), 'training')}; after the last one "
        f"the lowest stands at {min(finals):.2%}, the highest at {max(finals):.2%}."
        + (f" In colour: the same bits for both; grey: {counted(rest, 'other')}." if rest else "")
        + ("" if trainings["built"].all() else " Dashed: trained for comparison only.")
    )
    source = f"trained networks, whole test set; metrics of {counted(len(curves), 'training')}"
    return Figure(name, title, seen, source, data, lambda: _draw_curves(curves, told))


def _is_told(row: pd.Series, count: int) -> bool:
    return count <= FEW_CURVES or not row["built"] or row["weight_bits"] == row["act_bits"]


def _draw_curves(curves: Sequence[tuple[pd.Series, Sequence[float]]], told: list[str]) -> Drawing:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    drawing = style.new(style.WIDE, 3.6)
    axes = drawing.add_subplot()
    labels: dict[str, int] = {}
    for row, accuracies in curves:
        epochs = range(1, len(accuracies) + 1)
        percent = [100 * accuracy for accuracy in accuracies]
        if row["name"] not in told:
            axes.plot(epochs, percent, color=style.MUTED, linewidth=0.6, alpha=0.35, zorder=1)
            continue
        label = bits_label(row)
        repeated = label in labels
        colour, marker = style.series(labels.setdefault(label, len(labels)))
        if not row["built"]:
            colour = style.INK
        axes.plot(
            epochs, percent, color=colour, marker=marker, markersize=4, linewidth=1.4,
            markevery=max(1, len(accuracies) // 8), label="_" if repeated else label,
            linestyle="-" if row["built"] else (0, (4, 2)), markeredgecolor=style.PAPER,
            markeredgewidth=0.5,
        )  # fmt: skip
    axes.set(xlabel="epoch", ylabel="test accuracy (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    every = sorted(100 * accuracy for _, accuracies in curves for accuracy in accuracies)
    # The worst first epochs would press everything after them against the upper edge.
    floor = every[len(every) // 20]
    span = max(every[-1] - floor, 0.5)
    axes.set_ylim(floor - 0.05 * span, every[-1] + 0.07 * span)
    drawing.legend(loc="outside right upper", title="bits", title_fontsize=8)
    return drawing
