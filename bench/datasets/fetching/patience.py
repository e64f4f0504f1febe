"""How long a web server is waited for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """When to give up on a server.

    Attributes:
        silence: Seconds without a byte.
        window: Seconds in which it sends less than `slowest`.
        slowest: Bytes per second.
        total: Seconds for a file.
    """

    silence: float = 10.0
    window: float = 30.0
    slowest: float = 1000.0
    total: float = 1800.0
