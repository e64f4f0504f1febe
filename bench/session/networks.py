"""The options that name a network, a model or a grid to look at."""

from __future__ import annotations

import click

from bench.session.kinds import Finite

NAMING = (
    click.option("--clock", "clock_mhz", type=Finite(min=1, max=1000), metavar="MHZ",
                 help="Default: 100."),
    click.option("--board", "boards", multiple=True, metavar="NAME",
                 help="Default: Pynq-Z1. May be given several times."),
    click.option("--images", metavar="FILE.npz",
                 help="Images for a model (x_test). Default: random ones."),
    click.option("--dataset", metavar="NAME|FILE.npz", help="Whose images it takes."),
    click.option("--bits", multiple=True, metavar="W,A",
                 help="Bit widths of weights and activations of a network. Default: 4,4. May be "
                 "given several times."),
    click.argument("what"),
)  # fmt: skip
