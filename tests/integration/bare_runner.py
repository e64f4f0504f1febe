"""A runner of nothing: what the runners that tests make up have in common."""

from __future__ import annotations

import threading

from bench.console.events import Emit

ENVIRONMENTS = ("host", "train", "finn", "vivado")
NO_VIVADO = "XILINX_VIVADO is not set: no bitstream"


class BareRunner:
    """Always ready, on a machine without Vivado; what it runs is for others to say.

    Attributes:
        lacking: Why stages of an environment are skipped, by environment.
    """

    name = "bare"

    def __init__(self) -> None:
        self.lacking = {"vivado": NO_VIVADO}

    def recipe(self, environment: str) -> str:
        return environment

    def describe(self, environment: str) -> dict[str, str]:
        return {}

    def lacks(self, environment: str) -> str:
        return self.lacking.get(environment, "")

    def ready(self, environment: str) -> bool:
        return True

    def check(self, environment: str) -> None:
        pass

    def prepare(self, environment: str, emit: Emit, cancelled: threading.Event) -> None:
        pass
