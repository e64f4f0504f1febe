"""Check what a board has and what it lacks, for `bench board probe`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from bench.boards import MEASURED_ON
from bench.boards.base import Probe
from bench.boards.link import Link, read_document
from bench.boards.ssh import BOARD_PROGRAM
from bench.console.text import size_text
from bench.flows import board_parts

SURVEY_PROGRAM = BOARD_PROGRAM.with_name("survey.py")

_LIMIT_S = 60.0
_OLDEST_PYTHON = (3, 10)
_ROOM_BYTES = 200_000_000
_DRIVER = "finn-plus-driver==1.6.1"


@dataclass(frozen=True)
class Check:
    """One of the checks.

    Attributes:
        state: `ok`, `missing` (nothing can be measured without it), or `note`.
    """

    name: str
    state: str
    detail: str
    remedy: str = ""


class Survey(BaseModel):
    """What docker/board/survey.py prints."""

    python: str
    machine: str
    free_bytes: int
    busy: str | None
    packages: dict[str, str | None]
    root: str | None
    power: str | None
    temperature: str | None


async def check_board(link: Link) -> list[Check]:
    """Look at everything that a measurement needs on the board; changes nothing there.

    Raises:
        BoardError: The connection failed.
    """
    reached = Check("connection", "ok", link.name)
    for tool in ("python3", "timeout"):
        done = await link.run(("sh", "-c", f"command -v {tool}"), _LIMIT_S)
        if done.status:
            return [reached, Check(tool, "missing", "not found", f"Install {tool} on the board.")]
    identity = await _identity(link)
    program = SURVEY_PROGRAM.read_bytes()
    survey = read_document(
        Survey, await link.run(("python3", "-"), _LIMIT_S, stdin=program), link.name
    )
    return [reached, _judge_identity(identity), *_judge(survey, identity)]


async def _identity(link: Link) -> Probe | None:
    program = BOARD_PROGRAM.read_bytes()
    done = await link.run(("python3", "-", "--probe"), _LIMIT_S, stdin=program)
    with contextlib.suppress(ValidationError):
        return Probe.model_validate_json(done.stdout)
    return None


def _judge(survey: Survey, identity: Probe | None) -> Iterator[Check]:
    python = tuple(int(part) for part in survey.python.split(".")[:2])
    yield _check(
        "Python", python >= _OLDEST_PYTHON, f"{survey.python} on {survey.machine}",
        "Use a PYNQ image of version 3.0 or later.",
    )  # fmt: skip
    remedy = f"Free some; packages take up to {size_text(_ROOM_BYTES)}."
    enough = survey.free_bytes >= _ROOM_BYTES
    state = ("ok", "") if enough else ("note", remedy)
    yield Check("free space", state[0], size_text(survey.free_bytes), state[1])
    yield Check("in use by", "note" if survey.busy else "ok", survey.busy or "nobody")
    if identity is not None and identity.measured_on == MEASURED_ON:
        return
    for name, remedy in (
        ("pynq", "Use an image with PYNQ 3.0 or later (pynq.io)."),
        ("finn-plus-driver", f"On the board, as root in PYNQ's venv: pip install {_DRIVER}"),
    ):
        version = survey.packages.get(name)
        yield _check(name, version is not None, version or "not found", remedy)
    yield _check(
        "root rights", bool(survey.root), survey.root or "neither root nor `sudo -n`",
        "Log in as root with a key, or allow sudo without a password.",
    )  # fmt: skip
    for name, sensors in (("power", survey.power), ("temperature", survey.temperature)):
        yield Check(f"{name} sensor", "ok" if sensors else "note", sensors or "none: not reported")


def _check(name: str, fine: bool, detail: str, remedy: str) -> Check:
    return Check(name, "ok" if fine else "missing", detail, "" if fine else remedy)


def _judge_identity(identity: Probe | None) -> Check:
    if identity is None:
        return Check(
            "board", "missing", "does not say which board it is",
            'Write ~/.bench-board.json there: {"board": "Pynq-Z1", "part": "xc7z020clg400-1", '
            '"measured_on": "board"}',
        )  # fmt: skip
    detail = f"{identity.board} ({identity.part}), numbers are '{identity.measured_on}'"
    supported = board_parts().get(identity.board) == identity.part
    remedy = "No flow builds for it; correct ~/.bench-board.json."
    return _check("board", supported, detail, remedy)
