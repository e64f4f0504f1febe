"""From manifests to tables: results.csv, results.md, and the one on the terminal."""

from bench.report.results import COLUMNS, collect, collect_trainings
from bench.report.spread import over_seeds
from bench.report.write import show, write, write_more

__all__ = [
    "COLUMNS",
    "collect",
    "collect_trainings",
    "over_seeds",
    "show",
    "write",
    "write_more",
]
