"""From manifests to tables: results.csv, results.md, and the one on the terminal."""

from bench.report.results import COLUMNS, collect
from bench.report.write import show, write

__all__ = ["COLUMNS", "collect", "show", "write"]
