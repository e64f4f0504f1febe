"""The boards that a run may use: the address of each, and which of them are free.

Every command that reads a grid imports this; what needs an SSH library is in `login`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.console.text import excerpt
from bench.errors import ConfigError, did_you_mean
from bench.grids.tables import BoardTable
from bench.input.names import HOST, IPV6, USER

_TARGET = re.compile(
    rf"(?:(?P<user>{USER})@)?(?P<host>\[{IPV6}\]|{HOST})(?::(?P<port>[0-9]{{1,5}}))?"
)
_POLL_S = 0.2


@dataclass(frozen=True)
class Remote:
    """A board that SSH reaches.

    Attributes:
        name: How the experiment file or the command line calls it.
        key: Private key file; None for the default files and the SSH agent's keys.
    """

    name: str
    host: str
    port: int
    user: str
    key: str | None = None

    @classmethod
    def of_table(cls, table: BoardTable) -> Remote:
        """A board of the grid's `[[boards]]`."""
        return cls(table.name, table.address, table.port, table.user, table.key)


def parse_target(text: str) -> Remote:
    """A board given as `[user@]host[:port]`.

    Raises:
        ConfigError: `text` has another form.
    """
    match = _TARGET.fullmatch(text)
    port = int(match["port"] or 22) if match else 0
    if match is None or not 1 <= port <= 65535:
        raise ConfigError(
            f"'{excerpt(text)}' is not the address of a board.",
            "Write user@host or user@host:port.",
        )
    return Remote(text, match["host"].strip("[]"), port, match["user"] or "xilinx")


class BoardPool:
    """Gives boards to the stages of this process, each to one stage at a time.

    Other processes are kept away by the lock on the board itself; see `bench.boards.agent`.
    """

    def __init__(self, remotes: Iterable[Remote] = ()) -> None:
        self._remotes: Mapping[str, Remote] = {remote.name: remote for remote in remotes}
        self._taken: set[str] = set()
        self._change = threading.Condition()

    @contextmanager
    def take(self, names: Sequence[str], check: Callable[[], None]) -> Iterator[Remote]:
        """Take the first free board of `names`, until the end of the block.

        `check` is called while waiting; it raises to stop that.

        Raises:
            ConfigError: A board is not described anywhere.
        """
        for name in names:
            if name not in self._remotes:
                raise ConfigError(
                    f"The board '{name}' is not known.",
                    did_you_mean(name, self._remotes) if self._remotes else
                    "Describe it in [[boards]] of the experiment file, or give --board.",
                )  # fmt: skip
        with self._change:
            while not (free := [name for name in names if name not in self._taken]):
                check()
                self._change.wait(_POLL_S)
            self._taken.add(free[0])
        try:
            yield self._remotes[free[0]]
        finally:
            with self._change:
                self._taken.discard(free[0])
                self._change.notify_all()
