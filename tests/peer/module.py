"""A hardware module, simulated by several builds at once that must agree in every cycle.

It has the interface of `xsi`, FINN+'s binding to Vivado's simulator, so that FINN+'s own engine
(`finn_xsi.sim_engine`) drives it. Each build runs in a process of its own; `driver.cpp` is the
other end of the pipe.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO


class Differs(AssertionError):
    """Two builds of a module differ in what they show at a port."""


@dataclass(frozen=True)
class Build:
    """An executable made of `driver.cpp` and a module, and the folder of the module's memories."""

    executable: Path
    folder: Path


class Port:
    """A port of the module; what is set takes effect with the next `Design.run`."""

    def __init__(self, design: Design, name: str, index: int, size: int, is_input: bool) -> None:
        self._design = design
        self._name = name
        self._index = index
        self._is_input = is_input
        self.size = size
        self.value = 0

    def name(self) -> str:
        return self._name

    def isInput(self) -> bool:
        return self._is_input

    def clear(self) -> Port:
        return self.set(0)

    def set(self, value: int) -> Port:
        self.value = value
        return self

    def set_hexstr(self, text: str) -> Port:
        return self.set(int(text, 16))

    def write_back(self) -> None:
        self._design.write(self._index, self.value.to_bytes(self.size, "little"))

    def read(self) -> Port:
        if not self._is_input:
            self.value = self._design.output(self._name)
        return self

    def as_bool(self) -> bool:
        return self.value != 0

    def as_unsigned(self) -> int:
        return self.value

    def as_hexstr(self) -> str:
        return f"{self.value:x}"


class Design:
    """The module in all its builds.

    Args:
        builds: By name; the first is the one that the others are held against.
    """

    def __init__(self, builds: Mapping[str, Build]) -> None:
        self._processes = {
            name: subprocess.Popen(
                [str(build.executable)],
                cwd=build.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for name, build in builds.items()
        }
        declared = [_declaration(process) for process in self._processes.values()]
        if any(ports != declared[0] for ports in declared):
            raise RuntimeError("the builds have different ports")
        self._ports = {
            name: Port(self, name, index, size, is_input)
            for index, (name, is_input, size) in enumerate(declared[0])
        }
        self._outputs = [port for port in self._ports.values() if not port.isInput()]
        self._pending = bytearray()
        self._values: dict[str, int] = {}
        self._evaluations = 0

    def getPort(self, name: str) -> Port:
        if name not in self._ports:
            raise RuntimeError(f"no port {name}")
        return self._ports[name]

    def ports(self) -> list[Port]:
        return list(self._ports.values())

    def write(self, index: int, value: bytes) -> None:
        self._pending += b"w" + bytes([index]) + value

    def run(self, duration: int) -> None:
        """Let what was written take effect; the duration has no meaning without delays."""
        if self._pending[-1:] != b"e" and self._pending:
            self._pending += b"e"
            self._evaluations += 1

    def output(self, name: str) -> int:
        if self._pending:
            self._exchange()
        return self._values[name]

    def trace_all(self) -> None:
        """No waveforms here."""

    def is_open(self) -> bool:
        return bool(self._processes)

    def close(self) -> None:
        for process in self._processes.values():
            with process:
                _pipe(process.stdin).close()
        self._processes = {}

    def _exchange(self) -> None:
        message = bytes(self._pending) + b"r"
        self._pending.clear()
        for process in self._processes.values():
            _pipe(process.stdin).write(message)
            _pipe(process.stdin).flush()
        size = sum(port.size for port in self._outputs)
        answers = [_pipe(process.stdout).read(size) for process in self._processes.values()]
        values = [self._unpacked(answer) for answer in answers]
        self._values = values[0]
        for name, other in zip(self._processes, values, strict=True):
            self._compare(name, other)

    def _unpacked(self, answer: bytes) -> dict[str, int]:
        values, start = {}, 0
        for port in self._outputs:
            values[port.name()] = int.from_bytes(answer[start : start + port.size], "little")
            start += port.size
        return values

    def _compare(self, build: str, other: Mapping[str, int]) -> None:
        """Data counts while it is valid; a count of a FIFO's items is for people only."""
        for name, value in self._values.items():
            stream, _, kind = name.rpartition("_")
            if kind.lower() == "tdata" and not self._values[stream + "_" + _like("tvalid", kind)]:
                continue
            if kind.lower() in ("tdata", "tvalid", "tready") and value != other[name]:
                reference = next(iter(self._processes))
                raise Differs(
                    f"{name} is {other[name]:x} in {build} and {value:x} in {reference} "
                    f"after {self._evaluations} evaluations"
                )


def _like(word: str, pattern: str) -> str:
    return word.upper() if pattern.isupper() else word


def _declaration(process: subprocess.Popen[bytes]) -> Sequence[tuple[str, bool, int]]:
    ports = []
    while fields := _pipe(process.stdout).readline().decode().split():
        ports.append((fields[0], fields[1] == "input", int(fields[2])))
    return ports


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
