"""The flow of FINN+: a dataflow accelerator with a layer of its own for each of the network's."""

from __future__ import annotations

from bench.flows.finn.boards import BOARD_PARTS
from bench.flows.finn.foldings import Foldings
from bench.flows.flow import Flow
from contract.finn import compile, measure, simulate, size, synthesize

FLOW = Flow(
    name="finn",
    title="FINN+ 1.6.1",
    stages=(compile.STAGE, size.STAGE, simulate.STAGE, synthesize.STAGE, measure.STAGE),
    foldings=Foldings(),
    boards=BOARD_PARTS,
)
