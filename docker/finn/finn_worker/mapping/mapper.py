"""Map modules to an FPGA's primitives, each in a process that may be ended."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import zlib
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from finn_worker.kept import Cache
from finn_worker.mapping import child
from finn_worker.mapping.cells import cells_of, count
from finn_worker.mapping.mapped import Mapped, Resources, Source
from finn_worker.mapping.recipe import FAMILIES, UnknownFamilyError, logic_ps
from finn_worker.mapping.share import without_contents
from stagekit import StageError

SECONDS = 600
MEMORY = 3 * 1024**3
# Seconds by which what the kernel counts for a limit differs from what it reports.
_TICK = 0.1
# Bytes without which nothing can be mapped.
_PROBE = 1024**2
# The last is ABC, a process of its own, ended or not even started.
_OUT_OF_MEMORY = ("bad_alloc", "MemoryError", "ERROR: ABC: execution of command")


_INSTALLED = Path(str(metadata.distribution("pyosys").locate_file("pyosys")))
_SHARE = _INSTALLED / "share"


class NotMapped(Exception):
    """A module for which Yosys needs more time or memory than it may take."""


class Mapper:
    """Maps modules; several at a time, from as many threads, as there are processes."""

    def __init__(
        self,
        family: str,
        cache: Path | None,
        *,
        uram: bool = False,
        contents: bool = False,
        processes: int = 1,
        seconds: int = SECONDS,
        memory: int = MEMORY,
    ) -> None:
        """Start nothing yet.

        Args:
            family: "xc7" or "xcup", as Yosys calls them.
            cache: Folder that keeps what is mapped, by content; created if missing.
            uram: Whether the part has UltraRAM.
            contents: Whether block RAMs in netlists have their contents, on which no count depends.
            processes: Modules at a time.
            seconds: Of a processor that a module may take.
            memory: Bytes that it may take.

        Raises:
            UnknownFamilyError: Another family.
        """
        if family not in FAMILIES:
            raise UnknownFamilyError(family)
        self.family = family
        self._uram = uram
        self._contents = contents
        self._library = tempfile.TemporaryDirectory(dir=_folder())
        self._share = _SHARE if contents else without_contents(_SHARE, Path(self._library.name))
        self._cache = None if cache is None else Cache(cache)
        self._limits = {"seconds": seconds, "memory": memory}
        self._idle: queue.LifoQueue[_Process] = queue.LifoQueue()
        self._all = [_Process(self._share) for _ in range(processes)]
        for process in self._all:
            self._idle.put(process)

    def __enter__(self) -> Mapper:
        """Itself; leaving the context ends its processes."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        self.close()

    def close(self) -> None:
        """End the processes."""
        for process in self._all:
            process.close()
        self._library.cleanup()

    def layer(self, source: Source, *, boxes: tuple[str, ...] = ()) -> Mapped:
        """Map one module, or take it from the cache.

        Args:
            source: The module.
            boxes: Modules among its texts that are left as they are and count nothing.

        Raises:
            NotMapped: It takes too much time or memory.
            StageError: Yosys refuses the module.
        """
        name = f"{self.key(source, boxes)}.z"
        kept = None if self._cache is None else self._cache.read(name)
        if kept is not None:
            return _unpacked(kept)
        process = self._idle.get()
        try:
            mapped = self._map(process, source, boxes)
        finally:
            self._idle.put(process)
        if self._cache is not None:
            self._cache.keep(name, _packed(mapped))
        return mapped

    def key(self, source: Source, boxes: tuple[str, ...] = ()) -> str:
        """What the result depends on, as 64 hexadecimal digits."""
        here = Path(__file__).parent
        recipe = [path.read_text() for path in sorted(here.glob("*.py"))]
        what = [self.family, self._uram, self._contents, metadata.version("pyosys"), recipe]
        what += [asdict(source), boxes]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()

    def _map(self, process: _Process, source: Source, boxes: tuple[str, ...]) -> Mapped:
        with tempfile.TemporaryDirectory(dir=_folder()) as name:
            folder = Path(name)
            for file, text in {**source.texts, **source.memories}.items():
                (folder / file).write_text(text, encoding="utf-8")
            ended = process.ask(
                {
                    "folder": name,
                    "family": self.family,
                    "uram": self._uram,
                    "whole": not boxes,
                    "top": source.top,
                    "files": list(source.texts),
                    "parameters": [f"{key}={value}" for key, value in source.parameters.items()],
                    **self._limits,
                }
            )
            log = _read(folder / child.LOG)
            if ended["status"]:
                _refuse_if_full(folder)
                raise self._failure(source, ended, log + _read(folder / child.ERROR))
            netlist = json.loads(_read(folder / child.CELLS))["modules"][source.top]
            resources, cells = count(cells_of(netlist), boxes)
            return Mapped(
                resources=resources,
                cells=cells,
                netlist=_read(folder / child.NETLIST),
                log=_lasting(log, self._share),
                logic_ps=logic_ps(log),
            )

    def _failure(self, source: Source, ended: dict[str, Any], log: str) -> Exception:
        if ended["cpu_seconds"] > self._limits["seconds"] - _TICK:
            return NotMapped(f"{source.top} takes Yosys more than {self._limits['seconds']} s")
        if ended["signal"] or any(sign in log for sign in _OUT_OF_MEMORY):
            return NotMapped(
                f"{source.top} takes Yosys more than {ended['memory'] / 1024**3:.1f} GiB of memory"
            )
        return StageError(
            f"Yosys cannot map {source.top}: {_reason(log)}",
            "Report this with the design; `bench run --only simulate` goes on without.",
        )


class _Process:
    """A process with the cell library loaded, started when first asked."""

    def __init__(self, share: Path) -> None:
        self._share = share
        self._process: subprocess.Popen[str] | None = None

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """How the request ended."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            self.close()
            raise NotMapped("Yosys was ended from outside, as for lack of memory")
        ended: dict[str, Any] = json.loads(answer)
        return ended

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            paths = os.pathsep.join(path for path in sys.path if path)
            self._process = subprocess.Popen(
                [sys.executable, "-m", child.__name__, str(self._share)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": paths},
            )
        return self._process

    def close(self) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._process = None


def _refuse_if_full(folder: Path) -> None:
    """Raise what the system says where no more can be written: Yosys says all kinds of things."""
    (folder / "probe").write_bytes(bytes(_PROBE))


def _lasting(log: str, share: Path) -> str:
    """What of a log is the same each time and everywhere: no paths, and not ABC's timing."""
    kept = (line for line in log.splitlines(keepends=True) if not line.startswith("ABC:"))
    return "".join(kept).replace(str(share), "+").replace(str(_INSTALLED), "pyosys")


def _folder() -> str | None:
    """Where Yosys may work: ABC reads no paths with quotes or spaces."""
    places = (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm")
    plain = (place for place in places if re.fullmatch(r"[\w+,./@-]+", place, re.ASCII))
    return next((place for place in plain if os.access(place, os.W_OK)), None)


def _reason(log: str) -> str:
    """The first line that says what is wrong."""
    lines = [line.strip() for line in log.splitlines()]
    of_source = [line for line in lines if re.match(r"\S+:\d+: ERROR: ", line)]
    of_yosys = [line for line in lines if line.startswith("ERROR: ")]
    return (of_source or of_yosys or [line for line in lines if line] or ["nothing"])[0][:300]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _packed(mapped: Mapped) -> bytes:
    return zlib.compress(json.dumps(asdict(mapped)).encode())


def _unpacked(data: bytes) -> Mapped:
    read = json.loads(zlib.decompress(data))
    return Mapped(**{**read, "resources": Resources(**read["resources"])})
