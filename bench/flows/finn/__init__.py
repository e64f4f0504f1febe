"""The flow of FINN+: a dataflow accelerator with a layer of its own for each of the network's."""

from __future__ import annotations

from bench.flows.finn.foldings import Foldings
from bench.flows.flow import Flow
from contract.finn import compile, inspect, map, measure, search, simulate, size, synthesize
from contract.finn.parts import BOARDS
from contract.stages import draft

FLOW = Flow(
    name="finn",
    title="FINN+ 1.6.1",
    stages=(
        compile.STAGE,
        size.STAGE,
        map.STAGE,
        simulate.STAGE,
        synthesize.STAGE,
        measure.STAGE,
    ),
    inspection=(draft.STAGE, inspect.STAGE),
    inspected="bench.flows.finn.inspected",
    searching=(draft.STAGE, search.STAGE),
    searched="bench.flows.finn.searched",
    foldings=Foldings(),
    boards=BOARDS,
    columns="bench.flows.finn.columns",
)
