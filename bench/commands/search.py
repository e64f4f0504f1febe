"""`bench search`: the best designs of a network that fit a board, before it is trained."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import click

from bench.console.terminal import output, say
from bench.flows import flow_named
from bench.session import options
from bench.session.inspection import Asked
from bench.session.kinds import Finite
from bench.session.looked_at import look
from bench.session.networks import NAMING
from bench.session.searching import Wanted, search_of

_WANTED = (
    click.option("--compare", "compared", is_flag=True,
                 help="Show what the compiler's own search finds, too."),
    click.option("--front", is_flag=True,
                 help="Show the fastest design and each slower one that is smaller."),
    click.option("--cores", metavar="CORE,CORE",
                 help="What matrices may multiply in: dsp, lut, and pumped, for DSP slices at "
                 "twice the clock, which nothing here builds. Default: dsp,lut."),
    click.option("--share", type=Finite(min=0, max=1, min_open=True), metavar="SHARE",
                 help="Of each of the part's resources, the most that a design may take, with the "
                 "shell. Default: 0.85."),
    click.option("--goal", "goals", multiple=True, metavar="GOAL",
                 help="fastest, balanced, or smallest:II with the cycles per image. Default: "
                 "fastest. May be given several times."),
)  # fmt: skip


def _asked_options(command: options.Command) -> options.Command:
    return options.gather("asked", Asked, NAMING, command)


def _wanted_options(command: options.Command) -> options.Command:
    return options.gather("wanted", Wanted, _WANTED, command)


@click.command("search")
@_asked_options
@_wanted_options
@options.json_option
@options.store_option
@options.runner_option
@click.pass_context
def command(
    context: click.Context,
    asked: Asked,
    wanted: Wanted,
    as_json: bool,
    store_path: Path,
    runner: str,
) -> None:
    """Search the best designs of WHAT that fit a board, without training it.

    WHAT is a network by its name, a function in a Python file that returns one, an ONNX file, or
    an experiment file. All foldings, cores and memories are searched; what is found is proven to be
    the best by the cost model, and says what binds.

    \b
    Examples:
      bench search TFC --bits 2,2
      bench search TFC --bits 2,2 --front --compare
      bench search CNV --bits 2,2 --board ZCU104 --goal smallest:32768
      bench search experiments/quick.toml
    """
    subject = search_of(asked, wanted)
    looked = look(subject, store_path, runner)
    if as_json:
        say(json.dumps({"networks": looked.as_json()}, indent=1))
    else:
        console = output(100)
        show = import_module(str(flow_named(subject.grid.flow).searched)).show
        show([(one.title, one.metrics) for one in looked.found if one.metrics], console)
        for one in looked.found:
            if not one.metrics:
                console.print(one.title)
                one.show_failure(console)
    looked.end(context)
