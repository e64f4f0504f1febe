"""Drawings kept from an earlier report: drawn again only when something in them may differ.

See docs/decisions/0014 for what counts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.paths import ROOT
from bench.report.figures.base import Rendered
from bench.report.material import Material
from bench.store.keys import canonical, hash_sources
from bench.system.files import read_bytes, write_atomic

LIBRARIES = ("matplotlib", "networkx", "numpy", "pandas", "pillow")

Drawings = Mapping[str, Rendered | None]
"""Figures by their name; None where there was nothing to draw."""


def inputs_of(material: Material, names: Mapping[str, str]) -> str:
    """SHA-256 of all that decides how figures look: numbers, code, libraries.

    Args:
        material: What they show; what is behind it (`chains`) is no part of them.
        names: What they say of each point.
    """
    shown = (
        material.grid,
        material.results.to_dict("split"),
        material.trainings.to_dict("split"),
        *(material.curves, material.limits, material.dma, material.slowest, material.fastest),
        dict(names),
    )
    code = hash_sources(ROOT, ["bench"])
    libraries = [platform.python_version(), *(version(name) for name in LIBRARIES)]
    return hashlib.sha256(canonical([repr(shown), code, libraries])).hexdigest()


@dataclass(frozen=True)
class KeptDrawings:
    """One file with the drawings of a grid's latest report, and the inputs they were made from."""

    path: Path

    def find(self, inputs: str) -> Drawings | None:
        """The drawings made from `inputs`; None when there are none that can be relied on."""
        try:
            kept = json.loads(read_bytes(self.path))
            if kept["inputs"] != inputs or kept["sha256"] != _digest(kept["drawings"]):
                return None
            return {
                name: drawn and Rendered(drawn["svg"], drawn["inline"], _bytes(drawn["png"]))
                for name, drawn in kept["drawings"].items()
            }
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return None

    def keep(self, inputs: str, drawings: Drawings) -> None:
        """Keep `drawings` instead of what was there; where that cannot be, they are drawn again."""
        texts = {
            name: drawn and {"svg": drawn.svg, "inline": drawn.inline, "png": _text(drawn.png)}
            for name, drawn in drawings.items()
        }
        kept = {"inputs": inputs, "sha256": _digest(texts), "drawings": texts}
        with suppress(OSError):
            write_atomic(self.path, json.dumps(kept))


def _digest(texts: object) -> str:
    return hashlib.sha256(canonical(texts)).hexdigest()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
