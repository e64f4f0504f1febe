"""The machine of the runners that tests make up: it has everything but a Vivado."""

from __future__ import annotations

from pathlib import Path

from bench.pipeline import Resolver
from bench.runners import Runner
from bench.store import Store

ENVIRONMENTS = ("host", "train", "finn", "vivado")
NO_VIVADO = "XILINX_VIVADO is not set: no bitstream"


class BareRunner(Runner):
    """Always ready; what it runs is for others to say.

    Attributes:
        lacking: Why stages of an environment are skipped, by environment.
    """

    name = "bare"

    def __init__(self) -> None:
        self.lacking = {"vivado": NO_VIVADO}

    def lacks(self, environment: str) -> str:
        return self.lacking.get(environment, "")


def resolver_on(store: Path, runner: Runner) -> Resolver:
    """The store in a folder, all of whose stages `runner` runs."""
    return Resolver(Store(store), dict.fromkeys(ENVIRONMENTS, runner))
