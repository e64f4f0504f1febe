"""How figures look: one palette and one drawing for light, dark and print.

matplotlib draws with the colours below. In the page each of them becomes a CSS variable of the same
meaning, so that a single SVG serves both themes. The series are Okabe and Ito's colours for people
who see colours differently ("Color Universal Design", 2008), darkened where they would be faint on
white; every series has a marker of its own besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.console.text import number_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

INK = "#1b1f25"
MUTED = "#5a6470"
RULE = "#d3d9e0"
PAPER = "#fefefe"
LIMIT = "#b3261f"
SERIES = ("#0072b2", "#c95502", "#008a64", "#b0578d", "#9a6b00", "#3f8fc4", "#6b6f76")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
COLOUR_MAP = "viridis"

# What the page calls each colour; series are --series-1 and so on.
VARIABLES = {INK: "ink", MUTED: "muted", RULE: "rule", PAPER: "paper", LIMIT: "limit"} | {
    colour: f"series-{number}" for number, colour in enumerate(SERIES, 1)
}

# Inches; a full figure is 7.6 wide, which makes 9 pt text readable on a page 900 px wide.
WIDE = 7.6
DPI = 160

SETTINGS: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "figure.facecolor": PAPER,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "hatch.color": RULE,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",  # text stays text: it can be read, searched and restyled
    "svg.hashsalt": "bench",  # the same drawing gives the same bytes
    "text.color": INK,
    "text.parse_math": False,  # a $ in a name is a $
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8,
    "xtick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8,
    "ytick.major.width": 0.7,
    "ytick.minor.width": 0.5,
}


def new(width: float, height: float) -> Drawing:
    """An empty drawing of so many inches; use it within `rc_context(SETTINGS)`."""
    from matplotlib.figure import Figure as Drawing  # noqa: PLC0415  # half a second

    return Drawing(figsize=(width, height), layout="constrained")


def series(number: int) -> tuple[str, str]:
    """Colour and marker of the series `number`, counted from 0."""
    return SERIES[number % len(SERIES)], MARKERS[number % len(MARKERS)]


def folding_legend(drawing: Drawing, axes: Axes) -> None:
    """Name the foldings above the drawing, as `axes` labels them."""
    handles, labels = axes.get_legend_handles_labels()
    drawing.legend(
        handles, labels, loc="outside upper left", ncols=min(len(labels), 6), title="folding",
        alignment="left", handletextpad=0.2, title_fontsize=8,
    )  # fmt: skip


def ink_on(colour: Sequence[float]) -> str:
    """Black or white, whichever reads better on an RGB colour with components from 0 to 1."""
    red, green, blue = (_linear(component) for component in colour[:3])
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 else "#ffffff"


def _linear(component: float) -> float:
    """From sRGB to linear light, as WCAG 2 defines relative luminance."""
    return component / 12.92 if component <= 0.04045 else ((component + 0.055) / 1.055) ** 2.4


def plain_numbers(axes: Axes, which: str) -> None:
    """Write the axis `x` or `y` as 1,000 and 10,000, whether it is logarithmic or not.

    Call it once the limits are set: a logarithmic axis of a decade or two also shows 2 and 5.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    if axis.get_scale() == "log" and high < 90 * low:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number_text(value)))
    axis.set_minor_formatter(NullFormatter())
