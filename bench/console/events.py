"""The events of a run; `bench.console.progress` shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

SET_UP = "set up"
"""The stage that makes an environment."""


@dataclass(frozen=True)
class Planned:
    """The run knows its tasks: `total` of them; `expected` says how long they will take."""

    total: int
    jobs: int
    runner: str
    reason: str
    expected: str = ""


@dataclass(frozen=True)
class Started:
    """Task `task` of stage `stage` started."""

    task: str
    stage: str


@dataclass(frozen=True)
class Progress:
    """`done` of `total` `unit`s are done; several stages of one task may run at once."""

    task: str
    stage: str
    done: int
    total: int
    unit: str
    text: str


@dataclass(frozen=True)
class Note:
    """Something a person should read; `task` is empty when it concerns the whole run."""

    task: str
    text: str


@dataclass(frozen=True)
class Finished:
    """Task `task` ended.

    Attributes:
        status: A `bench.words.Status`, or `kept` (was in the store already).
        detail: Why, for every status but `done` and `kept`.
        seconds: 0 when kept or skipped.
    """

    task: str
    stage: str
    status: str
    detail: str
    seconds: float


Event = Planned | Started | Progress | Note | Finished
Emit = Callable[[Event], None]
