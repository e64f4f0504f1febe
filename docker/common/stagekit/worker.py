"""Run one stage and say how it ended."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from contract.fields import Misfit
from contract.timings import Timed
from contract.wire import Result
from stagekit.errors import Infeasible, StageError, WrongResult, of_the_disk
from stagekit.request import Request


class Reporter(Timed):
    """Reports a stage's progress to `stream`, one JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self.tools: dict[str, str] = {}

    def progress(self, done: int, total: int, unit: str, text: str = "") -> None:
        """`done` of `total` `unit`s (epochs, images, steps) are done; `text` says more."""
        self._emit(event="progress", done=done, total=total, unit=unit, text=text)

    def note(self, text: str) -> None:
        """Something a person should read."""
        self._emit(event="note", text=text)

    def tool(self, name: str, what: str) -> None:
        """`what` did part of the work; named in the manifest beside the tools' versions."""
        self.tools[name] = what

    def _emit(self, **event: Any) -> None:
        self._stream.write(json.dumps(event) + "\n")
        self._stream.flush()


Stage = Callable[[Request, Reporter], None]


def run(argv: Sequence[str]) -> int:
    """Run the stage of request file `argv[1]`; exit status 0 with any result, 2 on bad usage."""
    if len(argv) != 2:
        print(f"usage: {argv[0]} REQUEST.json", file=sys.stderr)
        return 2
    reporter = Reporter(_claim_stdout())
    request = Request.load(Path(argv[1]))
    if request.stop_on_eof:
        threading.Thread(target=_die_with_orchestrator, daemon=True).start()
    result = Result(
        *_ending(request, reporter),
        tools={name: metadata.version(name) for name in request.tools} | reporter.tools,
        timings=reporter.timings,
        peak_memory_bytes=_peak_memory(),
    )
    _write_atomically(request.result, result.as_json())
    return 0


class _Ending(NamedTuple):
    status: str
    reason: str = ""
    remedy: str = ""
    excerpt: str = ""


def _ending(request: Request, reporter: Reporter) -> _Ending:
    """Run the stage; how it ended."""
    try:
        _function(request.entry)(request, reporter)
    except Infeasible as result:
        return _Ending("infeasible", str(result))
    except WrongResult as result:
        return _Ending("wrong", str(result))
    except StageError as error:
        traceback.print_exc()
        return _Ending("failed", error.what, error.remedy, error.excerpt)
    except Misfit as misfit:
        traceback.print_exc()
        return _Ending("failed", f"{misfit.field} {misfit.what}.", misfit.remedy)
    except OSError as error:
        explained = of_the_disk(error)
        if explained is None:
            raise
        traceback.print_exc()
        return _Ending("failed", explained.what, explained.remedy)
    return _Ending("done")


def _function(entry: str) -> Stage:
    """The function that `entry` names, as `module:function`."""
    module, _, name = entry.partition(":")
    function: Stage = getattr(import_module(module), name)
    return function


def _claim_stdout() -> TextIO:
    """Keep standard output for events; what libraries print goes to the log instead."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.stdout.flush()
    os.dup2(2, 1)
    return events


def _die_with_orchestrator() -> None:
    """Kill this process group once standard input closes: nobody is left to use the result."""
    while os.read(0, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _peak_memory() -> int:
    """Bytes of the largest resident set among this process and its finished children."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usage.ru_maxrss for usage in usages) * 1024


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
