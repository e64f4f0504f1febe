"""The report as one HTML page, with its figures beside it as files."""

from bench.report.html.provenance import About
from bench.report.html.write import write_page

__all__ = ["About", "write_page"]
