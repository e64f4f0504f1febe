"""From manifests to tables: results.csv, results.md, and the one on the terminal."""

from bench.report.results import COLUMNS, collect, collect_trainings
from bench.report.spread import over_seeds
from bench.report.timing import (
    expectation,
    read_timing,
    timing_line,
    write_forecast,
    write_timing,
)
from bench.report.write import show, write, write_more

__all__ = [
    "COLUMNS",
    "collect",
    "collect_trainings",
    "expectation",
    "over_seeds",
    "read_timing",
    "show",
    "timing_line",
    "write",
    "write_forecast",
    "write_more",
    "write_timing",
]
