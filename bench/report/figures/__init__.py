"""The report's figures: what they show, how they look, and what they say of their numbers."""

from __future__ import annotations

from bench.report.figures.accuracy import accuracy_figures
from bench.report.figures.base import Figure, Rendered, render
from bench.report.figures.fastest import fastest_figures
from bench.report.figures.graph import graph_figures
from bench.report.figures.layers import layer_figures
from bench.report.figures.pareto import pareto_figures
from bench.report.figures.resources import resource_figures
from bench.report.figures.throughput import throughput_figure
from bench.report.material import Material

__all__ = ["Figure", "Rendered", "all_figures", "render"]


def all_figures(material: Material) -> list[Figure]:
    """Every figure of a grid, in the order of the report; none for an empty grid."""
    if material.results.empty:
        return []
    return [
        *fastest_figures(material),
        *accuracy_figures(material),
        throughput_figure(material),
        *resource_figures(material),
        *pareto_figures(material),
        *layer_figures(material),
        *graph_figures(material),
    ]
