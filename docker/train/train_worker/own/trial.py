"""A function tried in a process of its own: whatever it does there, this one goes on."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

import torch

from contract.text import counted
from stagekit import StageError
from train_worker.own.blame import TooSlow

GRACE = 5.0
"""Seconds that a process has to say where it was, once its time is up."""
LONGEST_ANSWER = 1 << 16
"""Bytes."""
END = b"\n"


def tried(check: Callable[[], None], file: str, seconds: float) -> None:
    """Run `check` in a copy of this process, which then ends.

    Args:
        check: Raises `StageError` for what is wrong.
        file: What it tries, for people.
        seconds: How long it may take.

    Raises:
        StageError: `check` raised it, took longer, or ended the process.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _try_here(check, writing, seconds)
    os.close(writing)
    answer, status = None, ""
    try:
        answer = _answer(reading, time.monotonic() + seconds + GRACE)
    finally:
        os.close(reading)
        status = _ended(child, 0.0 if answer is None else GRACE)
    if answer is None:
        raise StageError(
            f"{file} took longer than {counted(f'{seconds:g}', 'second')} and was stopped.",
            "Build the network at once, and leave data and training to bench.",
        )
    if not answer.endswith(END):
        raise StageError(
            f"{file} ended the process ({status}).",
            "Return the network, and do not end the process; if it was killed, memory ran out: "
            "build a smaller network.",
        )
    what, remedy, excerpt = json.loads(answer)
    if what:
        raise StageError(what, remedy, excerpt)


def _try_here(check: Callable[[], None], writing: int, seconds: float) -> NoReturn:
    """Run `check`, write `[what, remedy, excerpt]`, and end, in whatever way `check` ends."""
    status = 1
    # A copy of a process has its first thread only: torch must wait for no other.
    torch.set_num_threads(1)
    try:
        answer = _outcome(check, seconds)
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(writing, json.dumps(answer).encode() + END)
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _outcome(check: Callable[[], None], seconds: float) -> tuple[str, str, str]:
    signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        check()
    except StageError as error:
        traceback.print_exc()
        return error.what, error.remedy, error.excerpt
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "", "", ""


def _stop(number: int, frame: object) -> NoReturn:  # noqa: ARG001  (the interface of handlers)
    raise TooSlow("it takes too long and was stopped here")


def _answer(reading: int, deadline: float) -> bytes | None:
    """What the process answers, empty if it ended without; None if it is late."""
    answer = b""
    while not answer.endswith(END) and len(answer) < LONGEST_ANSWER:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return None
        data = os.read(reading, LONGEST_ANSWER)
        if not data:
            break
        answer += data
    return answer


def _ended(child: int, patience: float) -> str:
    """End the process if it does not by itself, for so many seconds; how it ended, in words."""
    deadline = time.monotonic() + patience
    ended, status = os.waitpid(child, os.WNOHANG)
    while not ended:
        if time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
            ended, status = os.waitpid(child, 0)
        else:
            time.sleep(0.01)
            ended, status = os.waitpid(child, os.WNOHANG)
    code = os.waitstatus_to_exitcode(status)
    return f"exit status {code}" if code >= 0 else signal.Signals(-code).name
