"""Child processes that end with the orchestrator, and their memory."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

import psutil

from bench.system.locks import Cancelled

TERMINATE_SECONDS = 3.0
SAMPLE_SECONDS = 0.2
LOG_SECONDS = 2.0
_CHUNK = 1 << 16


class Log(Protocol):
    """Takes what a process prints."""

    def write(self, data: bytes, /) -> object: ...
    def flush(self) -> object: ...


class Child:
    """A process in its own group: killed as a whole on cancel, and on leaving the context.

    Its standard input closes when the orchestrator dies, in whatever way; a worker with
    `stop_on_eof` stops then. `log` takes its standard error until it ends; `variables` is its whole
    environment.
    """

    def __init__(
        self,
        command: Sequence[str],
        variables: Mapping[str, str],
        log: Log,
        cancelled: threading.Event,
        folder: Path | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            command,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._cancelled = cancelled
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._kill_when_cancelled, daemon=True)
        self._log: Log | None = log
        self._log_lock = threading.Lock()
        self._logging = threading.Thread(target=self._keep_log, daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        self._logging.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._signal(signal.SIGKILL)
        self.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def lines(self) -> Iterator[str]:
        """Its standard output, line by line, as it comes."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield line.decode("utf-8", errors="replace").rstrip("\n")

    def wait(self) -> int:
        """Wait for its end; its exit status, negative for the signal that killed it."""
        status = self._process.wait()
        self._ended.set()
        self._watch.join()
        # What it started may go on and hold its end of the pipe: that is not waited for.
        self._logging.join(LOG_SECONDS)
        with self._log_lock:
            self._log = None
        return status

    def _keep_log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            while data := os.read(pipe.fileno(), _CHUNK):
                with self._log_lock:
                    if self._log is not None:
                        self._log.write(data)
                        self._log.flush()

    def _kill_when_cancelled(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            if self._cancelled.is_set():
                self._signal(signal.SIGTERM)
                if not self._ended.wait(TERMINATE_SECONDS):
                    self._signal(signal.SIGKILL)
                return

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            self._ended.set()


def run_logged(
    command: Sequence[str],
    variables: Mapping[str, str],
    log: Path,
    cancelled: threading.Event,
    show: Callable[[str], None] | None = None,
) -> bool:
    """Run a command, appending what it prints to `log`; returns whether it succeeded.

    Raises:
        Cancelled: The run was interrupted.
    """
    with (
        log.open("ab", buffering=0) as file,
        Child(command, variables, file, cancelled) as child,
    ):
        for line in child.lines():
            file.write(f"{line}\n".encode())
            if show:
                show(line)
        status = child.wait()
    if cancelled.is_set():
        raise Cancelled
    return status == 0


class MemoryWatch:
    """Samples the resident memory of a process and all its descendants.

    All are killed when they exceed `limit_bytes` or `limit_s`; `too_large` or `too_slow` says so.
    """

    def __init__(self, pid: int, limit_bytes: float = math.inf, limit_s: float = math.inf) -> None:
        self.peak_bytes = 0
        self.too_large = self.too_slow = False
        self._pid = pid
        self._limit_bytes = limit_bytes
        self._deadline = time.monotonic() + limit_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            try:
                top = psutil.Process(self._pid)
                family = [top, *top.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            self.peak_bytes = max(self.peak_bytes, sum(map(_resident_bytes, family)))
            self.too_large = self.peak_bytes > self._limit_bytes
            self.too_slow = time.monotonic() > self._deadline
            if self.too_large or self.too_slow:
                for process in family:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
                return


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def describe_exit(status: int) -> str:
    """What an exit status means, as the end of a sentence."""
    if status == -signal.SIGKILL:
        return "was killed (SIGKILL; the kernel does so when memory runs out)"
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status} and left no result"
