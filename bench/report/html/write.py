"""Write the page, and every figure as SVG, PNG and CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import store_error
from bench.report.figures import Figure, Rendered, all_figures, render
from bench.report.figures.kept import Drawings, KeptDrawings, inputs_of
from bench.report.html.page import Drawn, render_page
from bench.report.html.provenance import About, provenance_of
from bench.report.html.table import point_label as label_of
from bench.report.material import Material
from bench.report.timing import read_timing
from bench.results import state_label
from bench.system.files import write_atomic

PAGE, FIGURES = "index.html", "figures"


@dataclass(frozen=True)
class Page:
    """A page that was written, and whether its figures were drawn anew for it."""

    path: Path
    drawn: bool


def write_page(
    material: Material,
    about: About,
    folder: Path,
    claims: Sequence[Mapping[str, Any]] | None = None,
    kept: Path | None = None,
    place: Path | None = None,
) -> Page:
    """Write `index.html` and `figures/` to `folder`.

    Predicted times are shown if `folder` has a timing.json.

    Args:
        material: What the page shows.
        about: How it was run.
        folder: The grid's report.
        claims: As in claims.json under "claims"; None when they were not judged.
        kept: File with the drawings of the last report, which are taken where nothing in them can
            differ, and replaced otherwise; None: draw, and keep nothing.
        place: The folder that links are relative to, where the report is to be moved there.

    Raises:
        StoreError: The folder cannot be written, or timing.json cannot be read.
    """
    figures = all_figures(material)
    drawings, anew = _drawings(figures, material, KeptDrawings(kept) if kept else None)
    return Page(_write(material, figures, drawings, about, folder, claims, place or folder), anew)


def write_undrawn(
    material: Material,
    about: About,
    folder: Path,
    claims: Sequence[Mapping[str, Any]] | None,
    place: Path,
) -> None:
    """As `write_page`, but with an empty SVG and PNG for each drawing.

    Links are relative to `place`, the report that this one is to be compared with.
    """
    figures = all_figures(material)
    blank = Rendered("<svg></svg>", "<svg></svg>", b"")
    drawings = {figure.name: blank if figure.draw else None for figure in figures}
    _write(material, figures, drawings, about, folder, claims, place)


def _write(
    material: Material,
    figures: Sequence[Figure],
    drawings: Drawings,
    about: About,
    folder: Path,
    claims: Sequence[Mapping[str, Any]] | None,
    place: Path,
) -> Path:
    """Write the page and the figures' files to `folder`, for a report in `place`; the page."""
    try:
        (folder / FIGURES).mkdir(parents=True, exist_ok=True)
        drawn: list[Drawn] = []
        written: set[Path] = set()
        for figure in figures:
            rendered = drawings[figure.name]
            files = _write_figure(figure, rendered, folder / FIGURES)
            written.update(files)
            relative = tuple(f"{FIGURES}/{path.name}" for path in files)
            drawn.append(Drawn(figure, rendered.inline if rendered else None, relative))
        # Figures that only an earlier report drew must not be taken for this one's.
        for path in set((folder / FIGURES).iterdir()) - written:
            path.unlink()
        provenance = provenance_of(material, about, place)
        page = render_page(material, drawn, provenance, about, claims, read_timing(folder))
        write_atomic(folder / PAGE, page)
    except OSError as error:
        raise store_error(error, Path(error.filename or folder)) from error
    return folder / PAGE


def _drawings(
    figures: Sequence[Figure], material: Material, kept: KeptDrawings | None
) -> tuple[Drawings, bool]:
    """Each figure's drawing by its name, and whether they were drawn now."""
    names = _point_names(material)
    inputs = inputs_of(material, names) if kept else ""
    last = kept.find(inputs) if kept else None
    if last is not None and last.keys() == {figure.name for figure in figures}:
        return last, False
    drawings = {figure.name: render(figure, names) for figure in figures}
    if kept:
        kept.keep(inputs, drawings)
    return drawings, True


def _point_names(material: Material) -> dict[str, str]:
    """What the page says of a point under the mouse, by its number."""
    return {
        str(number): f"{row['experiment']} ({label_of(row)}): {state_label(row)}"
        for number, row in enumerate(material.rows)
    }


def _write_figure(figure: Figure, rendered: Rendered | None, folder: Path) -> list[Path]:
    contents: dict[str, bytes] = {}
    if rendered is not None:
        contents[".svg"], contents[".png"] = rendered.svg.encode("utf-8"), rendered.png
    if figure.data is not None:
        contents[".csv"] = figure.data.to_csv(index=False).encode("utf-8")
    written = []
    for suffix, content in contents.items():
        path = folder / f"{figure.name}{suffix}"
        write_atomic(path, content)
        written.append(path)
    return written
