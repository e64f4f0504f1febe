"""Rows of a grid by their names."""

from __future__ import annotations

import click

from bench.errors import ConfigError, nearest
from bench.grids.experiment import Point
from bench.session.options import Command


def rows_option(command: Command) -> Command:
    """Adds `--row`."""
    return click.option(
        "--row",
        "names",
        multiple=True,
        metavar="NAME",
        help="Do only this row of the results, or this training; may be given several times.",
    )(command)


def choose(points: tuple[Point, ...], names: tuple[str, ...]) -> tuple[Point, ...]:
    """The points called `names`, of experiments and of trainings; all of them for no name.

    Raises:
        ConfigError: The grid has no such point.
    """
    if not names:
        return points
    known = named(points)
    for name in names:
        if name not in known:
            raise ConfigError(f"The grid has no row '{name}'.", nearest(name, known))
    return tuple(known[name] for name in dict.fromkeys(names))


def named(points: tuple[Point, ...]) -> dict[str, Point]:
    """`points` by name, and the training of each experiment by its own."""
    trainings = (point.training for point in points)
    return {point.name: point for point in (*points, *trainings)}
