"""What a figure is, and how it becomes SVG and PNG."""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.report.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

POINT_PREFIX = "point:"
_LINKED = re.compile(rf'<a xlink:href="{POINT_PREFIX}([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
# Characters that XML cannot hold; a name may.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True)
class Figure:
    """One figure of the report.

    Attributes:
        name: Stem of its files.
        title: Heading.
        seen: What is to be seen, in words that stand alone.
        source: Where the numbers come from: estimated, rtl-sim, emulated-board or board.
        data: The rows and columns that it shows.
        draw: Makes the drawing; None when there is nothing to draw, and `seen` says why.
        width: Inches.
        first: Whether the page shows it before all else.
    """

    name: str
    title: str
    seen: str
    source: str = ""
    data: pd.DataFrame | None = None
    draw: Callable[[], Drawing] | None = None
    width: float = style.WIDE
    first: bool = False


@dataclass(frozen=True)
class Rendered:
    """A figure's files: a self-standing SVG, the same for the page, and a PNG."""

    svg: str
    inline: str
    png: bytes


def render(figure: Figure, names: Mapping[str, str]) -> Rendered | None:
    """Draw `figure` once, and write it in every form; None when there is nothing to draw.

    Args:
        figure: The figure.
        names: What to say of each marked point, by its number as text.
    """
    import matplotlib as mpl  # noqa: PLC0415  # half a second

    if figure.draw is None:
        return None
    svg, png = io.StringIO(), io.BytesIO()
    with mpl.rc_context(style.SETTINGS), warnings.catch_warnings():
        # In a PNG a name in a script that the font lacks has boxes; the SVG and the page have it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawing = figure.draw()
        if engine := drawing.get_layout_engine():
            engine.execute(drawing)
            drawing.set_layout_engine(None)  # once is enough; every writer would do it anew
        drawing.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        drawing.savefig(png, format="png", dpi=style.DPI, metadata={"Software": None})
    text = _NOT_XML.sub("\ufffd", svg.getvalue())
    return Rendered(_unlinked(text), _inline(text, figure, names), png.getvalue())


def mark_points(artist: Any, numbers: list[int]) -> None:
    """Tell which point of the grid each marker of a scatter plot is; the page makes use of it."""
    artist.set_urls([f"{POINT_PREFIX}{number}" for number in numbers])


def bound(axes: Axes, value: float, text: str, *, vertical: bool = False) -> None:
    """A dashed line for a limit; its name stands at its end, outside of the axes."""
    line = axes.axvline if vertical else axes.axhline
    line(value, color=style.LIMIT, linewidth=1.1, linestyle=(0, (5, 3)), zorder=1.5)
    if vertical:
        axes.annotate(
            text, (value, 0), xycoords=("data", "axes fraction"), xytext=(-3, 4), rotation=90,
            textcoords="offset points", color=style.LIMIT, fontsize=8, ha="right", va="bottom",
        )  # fmt: skip
    else:
        axes.annotate(
            text, (1, value), xycoords=("axes fraction", "data"), xytext=(4, 0), fontsize=8,
            textcoords="offset points", color=style.LIMIT, ha="left", va="center",
        )  # fmt: skip


def _unlinked(svg: str) -> str:
    """Without the marks of points, which mean nothing outside the page."""
    return _LINKED.sub(r"\2", svg)


def _inline(svg: str, figure: Figure, names: Mapping[str, str]) -> str:
    """The SVG as part of a page: no prolog, ids of its own, colours as variables, points named."""
    svg = svg[svg.index("<svg") :].rstrip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    label = html.escape(f"{figure.title}. {figure.seen}")
    svg = re.sub(
        r'<svg[^>]*?viewBox="([^"]*)"[^>]*>',
        lambda match: (
            f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{match[1]}" role="img" '
            f'aria-label="{label}">'
        ),
        svg,
        count=1,
    )
    svg = re.sub(r'\b(id="|xlink:href="#|url\(#)', rf"\g<1>{figure.name}-", svg)
    svg = _LINKED.sub(
        lambda match: (
            f'<g data-point="{match[1]}"><title>{html.escape(names.get(match[1], ""))}</title>'
            f"{match[2]}</g>"
        ),
        svg,
    )
    svg = svg.replace(f"fill: {style.PAPER}", "fill: none", 1)  # the ground is the page's
    for colour, variable in style.VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return re.sub(r"\n\s*", "\n", svg)
