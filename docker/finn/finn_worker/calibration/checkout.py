"""Layers of a FINN build that somebody published: Vivado's reports, and the Verilog beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from finn_worker.calibration import dialect, modules
from finn_worker.calibration.kinds import kind_of
from finn_worker.calibration.published import Published, parse
from finn_worker.mapping.mapped import Source

REPORTS = "*_utilization_synth.rpt"
# FINN calls the block design so, and Vivado a run of one of its blocks `finn_design_<block>_0`.
_PREFIX, _SUFFIX = "finn_design_", re.compile(r"_0$")
NODE = "node"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer with its figure and, where its Verilog is there, its source.

    Attributes:
        name: As FINN called it.
        source: None where a module or the content of a memory is missing, and `note` says which.
    """

    name: str
    kind: str
    published: Published
    source: Source | None
    note: str = ""


def layers(folder: Path) -> Iterator[Layer]:
    """Every layer under `folder` of which there is a report, by name."""
    reports = [parse(path.read_text(errors="replace")) for path in sorted(folder.rglob(REPORTS))]
    found = modules.read(folder) if any(reports) else modules.Modules()
    for published in filter(None, reports):
        yield _layer(published, found)


def _layer(published: Published, found: modules.Modules) -> Layer:
    name = _SUFFIX.sub("", published.design.removeprefix(_PREFIX))
    try:
        source, note = _source(published.design, name, found), ""
    except KeyError as missing:
        source, note = None, f"{missing.args[0]} is not there"
    return Layer(name=name, kind=kind_of(name), published=published, source=source, note=note)


def _source(top: str, name: str, found: modules.Modules) -> Source:
    """The layer under a name that tells it from no other of its kind.

    Raises:
        KeyError: Of the module or file that is not there.
    """
    if top not in found.files:
        raise KeyError(top)
    called = re.compile(rf"{re.escape(name)}(?![0-9])")

    def fit(text: str) -> str:
        return called.sub(NODE, text)

    texts = {fit(file): fit(dialect.fit(text)) for file, text in found.closure(top).items()}
    memories = {}
    for text in texts.values():
        for file in modules.read_by(text):
            memories[file] = found.data[file.replace(NODE, name)].read_text()
    return Source(top=fit(top), texts=texts, memories=memories)
