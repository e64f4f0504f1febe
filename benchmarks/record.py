"""The results of a benchmark, written as they are measured, whatever fails afterwards."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from bench import __version__
from bench.system.files import write_atomic
from benchmarks.figures import Figure

HEAD = ("| what | median | spread | times | to reach |", "|---|---|---|---|---|")


class PartError(Exception):
    """A part cannot go on.

    Args:
        what: What happened, in a sentence.
        log: What the commands of the part printed.
    """

    def __init__(self, what: str, log: str = "") -> None:
        super().__init__(what)
        self.log = log


@dataclass(frozen=True)
class Failure:
    """A part that broke off: why, and the file with its log."""

    part: str
    what: str
    log: str


@dataclass
class Record:
    """Figures and failures of one run, written to benchmarks.json and benchmarks.md at each change.

    Attributes:
        folder: Where the files are.
        machine: What it is measured on.
    """

    folder: Path
    machine: Mapping[str, Any]
    figures: list[Figure] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        """Keep and show a figure."""
        self.figures.append(figure)
        print(figure.as_line(), flush=True)
        self._write()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What fails inside is a failure of part `name`, and stops nothing else."""
        try:
            yield
        except Exception as error:
            log = self.folder / f"benchmarks-{re.sub(r'[^a-z0-9]+', '-', name.lower())}.log"
            text = error.log if isinstance(error, PartError) and error.log else ""
            write_atomic(log, text + traceback.format_exc())
            first = (str(error) or repr(error)).splitlines()[0]
            self.failures.append(Failure(name, first, str(log)))
            print(f"FAILED: {name}: {first}\n        log: {log}", flush=True)
            self._write()

    def _write(self) -> None:
        installed = {name: metadata.version(name) for name in ("distributed", "numpy")}
        document = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": self.machine,
            "versions": {"finn-bench": __version__, **installed},
            "figures": [figure.as_json() for figure in self.figures],
            "failures": [asdict(failure) for failure in self.failures],
        }
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        write_atomic(self.folder / "benchmarks.json", text)
        about = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        lines = [*HEAD, *(figure.as_line() for figure in self.figures)]
        lines += [f"| {failure.part} | FAILED | | | {failure.what} |" for failure in self.failures]
        write_atomic(self.folder / "benchmarks.md", f"{about}\n\n" + "\n".join(lines) + "\n")
