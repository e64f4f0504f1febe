"""The report as one HTML page, with its figures beside it as files."""

from bench.report.html.provenance import About
from bench.report.html.write import Page, write_page, write_undrawn

__all__ = ["About", "Page", "write_page", "write_undrawn"]
