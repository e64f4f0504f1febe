"""From a number to everything behind it: the artifacts of each point, and what made them."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.console.text import counted, memory_text
from bench.flows import all_stages
from bench.provenance import Step, caveats, checkout_of, rerun
from bench.report.material import Material
from bench.store import Manifest
from bench.store.keys import SHORT
from bench.words import Status

# The facts of an environment that make its title.
_IDENTITY = ("name", "runner", "recipe")
# The end of a log that the page holds, with a link to all of it.
LOG_LINES, LOG_BYTES = 20, 8192
# Colours and movements of a terminal, and characters that HTML cannot hold.
_NOT_TEXT = re.compile("\x1b\\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


@dataclass(frozen=True)
class Made:
    """An environment with its tools, or a machine; many artifacts share it."""

    id: str
    title: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Record:
    """An artifact, as the page shows it.

    Attributes:
        id: Its anchor on the page.
        made: Its manifest.
        inputs: Name, key and content of what it was made from; the key is None for what is not on
            the page.
        environment, machine: Where it was made.
        commit, commit_short: Of the checkout, with the state of its tree.
        manifest: URL of the manifest.
    """

    id: str
    made: Manifest
    inputs: tuple[tuple[str, str | None, str], ...]
    environment: Made
    machine: Made
    commit: str
    commit_short: str
    manifest: str


@dataclass(frozen=True)
class Link:
    """A step of a point's chain.

    Attributes:
        key: Of its artifact; None where nothing was made.
        log: URL of its output if it failed or found the design infeasible.
        log_end: The last lines of that if it failed.
    """

    stage: str
    status: str
    reason: str | None
    key: str | None
    log: str | None = None
    log_end: str | None = None


@dataclass(frozen=True)
class Chain:
    """What is behind a point, the commands that run it again, and what may then differ."""

    links: tuple[Link, ...]
    commands: tuple[str, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class Provenance:
    """All records by key, the chains by point, and what the records refer to."""

    records: Mapping[str, Record]
    chains: Mapping[str, Chain]
    environments: tuple[Made, ...]
    machines: tuple[Made, ...]


@dataclass(frozen=True)
class About:
    """How the grid was run.

    Attributes:
        file: The experiment file.
        options: What the command line changed of it, such as `--images 10000`.
    """

    file: Path
    options: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command line that runs it all."""
        return shlex.join(("bench", "run", str(self.file), *self.options))


def provenance_of(material: Material, about: About, folder: Path) -> Provenance:
    """What is behind the numbers of `material`, for a page in `folder`."""
    environments = _Register("environment", _environment_title)
    machines = _Register("machine", _machine_title)
    records: dict[str, Record] = {}
    chains = {}
    for name, steps in material.chains.items():
        keys = {step.role: step.manifest.key for step in steps if step.manifest}
        for step in steps:
            if step.manifest is not None and step.folder and step.manifest.key not in records:
                records[step.manifest.key] = _record(step, keys, environments, machines, folder)
        chains[name] = Chain(
            tuple(_link(step, folder) for step in steps),
            rerun(name, about.file, steps, about.options),
            caveats(steps),
        )
    order = list(all_stages())
    in_order = sorted(records.items(), key=lambda pair: order.index(pair[1].made.stage))
    return Provenance(dict(in_order), chains, environments.all(), machines.all())


def _link(step: Step, folder: Path) -> Link:
    key = step.manifest.key if step.manifest is not None and step.folder is not None else None
    log = relative_url(step.log, folder) if step.log else None
    end = _log_end(step.log) if step.log and step.status == Status.FAILED else None
    return Link(step.stage, step.status, step.reason, key, log, end)


def _log_end(path: Path) -> str:
    """The last lines of a log as text that HTML can hold, without a terminal's colours."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_BYTES))
        text = file.read().decode("utf-8", errors="replace")
    lines = _NOT_TEXT.sub("", text).rstrip().splitlines()
    return "\n".join(lines[-LOG_LINES:])


_Facts = tuple[tuple[str, str], ...]


class _Register:
    """Environments, or machines, each once."""

    def __init__(self, kind: str, title: Callable[[Mapping[str, Any]], str]) -> None:
        self._kind, self._title = kind, title
        self._made: dict[_Facts, Made] = {}

    def of(self, facts: Mapping[str, Any]) -> Made:
        identity = tuple(sorted((name, str(value)) for name, value in facts.items()))
        if identity not in self._made:
            number = len(self._made) + 1
            self._made[identity] = Made(f"{self._kind}-{number}", self._title(facts), identity)
        return self._made[identity]

    def all(self) -> tuple[Made, ...]:
        return tuple(self._made.values())


def _environment_title(facts: Mapping[str, Any]) -> str:
    name, runner, recipe = (str(facts.get(key, "unknown")) for key in _IDENTITY)
    return f"{name} ({runner}), recipe {recipe[:SHORT]}"


def _machine_title(facts: Mapping[str, Any]) -> str:
    parts = [str(facts.get("system", "unknown system")), str(facts.get("machine", ""))]
    if "processors" in facts:
        parts.append(counted(str(facts["processors"]), "processor"))
    if "memory_bytes" in facts:
        parts.append(memory_text(int(facts["memory_bytes"])))
    return ", ".join(part for part in parts if part)


def _record(
    step: Step,
    keys: Mapping[str, str],
    environments: _Register,
    machines: _Register,
    folder: Path,
) -> Record:
    made = step.manifest
    assert made is not None, "the stage made nothing"
    assert step.folder is not None, "a failure has no artifact"
    return Record(
        id=f"artifact-{made.stage}-{made.key[:SHORT]}",
        made=made,
        inputs=tuple(
            (name, keys.get(name), content) for name, content in sorted(made.inputs.items())
        ),
        environment=environments.of(made.environment),
        machine=machines.of(made.host),
        commit=_commit(checkout_of(made)),
        commit_short=_commit_short(checkout_of(made)),
        manifest=relative_url(step.folder / "manifest.json", folder),
    )


def _commit(checkout: Mapping[str, str]) -> str:
    details = [checkout[name] for name in ("changes", "reason") if checkout.get(name)]
    return f"{checkout['commit']}, tree {': '.join([checkout['tree'], *details])}"


def _commit_short(checkout: Mapping[str, str]) -> str:
    return f"{checkout['commit'][:SHORT]} (tree {checkout['tree']})"


def relative_url(path: Path, folder: Path) -> str:
    """A URL from a page in `folder` to `path`, whatever characters it has."""
    return quote(Path(os.path.relpath(path, folder)).as_posix())
