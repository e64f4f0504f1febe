"""From manifests to tables, figures and the page: results.csv, results.md, index.html."""

from bench.report.console import show
from bench.report.html import About, Page, write_page, write_undrawn
from bench.report.material import Material, gather
from bench.report.spread import over_seeds
from bench.report.timing import (
    expectation,
    read_timing,
    timing_line,
    write_forecast,
    write_timing,
)
from bench.report.write import write, write_more
from bench.results.frame import collect, collect_trainings

__all__ = [
    "About",
    "Material",
    "Page",
    "collect",
    "collect_trainings",
    "expectation",
    "gather",
    "over_seeds",
    "read_timing",
    "show",
    "timing_line",
    "write",
    "write_forecast",
    "write_more",
    "write_page",
    "write_timing",
    "write_undrawn",
]
