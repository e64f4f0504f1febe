"""How much of the machine a stage may take."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.environments import Environment
from contract.stage import GIB

VIVADO_SPARE_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a stage. They change no result, so they are not part of its key.

    Attributes:
        memory_bytes: A stage that takes more is killed: in a container by the kernel, without
            swap; else by bench, which looks a few times a second.
        processes: Processes and threads at a time, in a container.
        seconds: A stage that takes longer is stopped.
        vivado_memory_bytes: As `memory_bytes`, for the stage that runs Vivado.
        vivado_seconds: How long a build with Vivado may take.
    """

    memory_bytes: int = 6 * GIB
    processes: int = 1024
    seconds: float = 6 * 3600.0
    vivado_memory_bytes: int = 16 * GIB
    vivado_seconds: float = 5 * 3600.0

    def of(self, environment: Environment) -> Limits:
        """The limits of a stage in `environment`.

        The worker stops Vivado itself and keeps its log; the spare time is for waiting for
        licences, and ends a worker that hangs.
        """
        if not environment.needs_vivado:
            return self
        seconds = self.vivado_seconds + VIVADO_SPARE_S
        return replace(self, memory_bytes=self.vivado_memory_bytes, seconds=seconds)
