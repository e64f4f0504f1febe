"""From manifests to tables, figures and the page: results.csv, results.md, index.html."""

from bench.report.html import About, write_page
from bench.report.material import Material, gather
from bench.report.results import COLUMNS, collect, collect_trainings
from bench.report.spread import over_seeds
from bench.report.write import show, write, write_more

__all__ = [
    "COLUMNS",
    "About",
    "Material",
    "collect",
    "collect_trainings",
    "gather",
    "over_seeds",
    "show",
    "write",
    "write_more",
    "write_page",
]
