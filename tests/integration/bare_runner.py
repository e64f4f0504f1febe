"""The machine of the runners that tests make up: it has everything but a Vivado."""

from __future__ import annotations

from bench.runners import Runner

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
