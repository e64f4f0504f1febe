"""How much of the machine one stage may take, in a container."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """Limits of one stage's container. No part of any key: they change no result.

    Attributes:
        memory_bytes: Beyond it, the kernel kills the stage; there is no swap besides.
        processes: Processes and threads at a time.
        seconds: A stage that takes longer is stopped.
    """

    memory_bytes: int = 6 * GIB
    processes: int = 1024
    seconds: float = 6 * 3600.0
