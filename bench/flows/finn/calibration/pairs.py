"""Layers of which there are both figures: what was published, and what the user's Vivado says.

`published/*.csv` are written by `tools/calibrate.py` and not by hand.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PUBLISHED = Path(__file__).parent / "published"
RESOURCES = ("lut", "ff", "bram18", "dsp")
FIFO = "FIFO"
OWN = "own Vivado run"
# The variants that are built as they were mapped. The weights' memory of an MVAU is part of it.
_KINDS = {
    "MVAU_rtl": "DSP MVAU",
    "Thresholding_rtl": "threshold",
    "ConvolutionInputGenerator_rtl": "generator",
    "FMPadding_rtl": "padding",
    "StreamingDataWidthConverter_rtl": "width converter",
}
LUT_MVAU = "LUT MVAU"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One resource of one layer.

    Attributes:
        source: The file of published figures, or OWN.
        kind: Of layer.
        layer: What its source calls it.
    """

    source: str
    kind: str
    layer: str
    resource: str
    mapped: int
    vivado: int


def kind_of(layer: Mapping[str, Any]) -> str:
    """The kind of a layer in the metrics of the stage `map`."""
    kind = str(layer["op_type"])
    if kind == "MVAU_rtl" and layer.get("core") == "lut":
        return LUT_MVAU
    return _KINDS.get(kind, kind)


@cache
def published_pairs() -> tuple[Pair, ...]:
    """Of all files of published figures; layers that could not be mapped are left out."""
    return tuple(
        pair for file in sorted(PUBLISHED.glob("*.csv")) for pair in _read(file, file.stem)
    )


def _read(file: Path, source: str) -> Iterable[Pair]:
    with file.open(newline="", encoding="utf-8") as opened:
        for row in csv.DictReader(opened):
            for name in RESOURCES:
                if row[f"{name}_mapped"]:
                    yield Pair(
                        source=source, kind=row["kind"], layer=row["layer"], resource=name,
                        mapped=int(row[f"{name}_mapped"]), vivado=int(row[f"{name}_vivado"]),
                    )  # fmt: skip


def own_pairs(metrics: Iterable[Mapping[str, Mapping[str, Any]]]) -> tuple[Pair, ...]:
    """Of designs that were mapped and built with the user's Vivado, each distinct pair once.

    Args:
        metrics: By stage, of every point.
    """
    found: dict[Pair, None] = {}
    for own in metrics:
        built = own.get("synthesize", {}).get("layers_synth", {})
        for layer in own.get("map", {}).get("layers", ()):
            # A layer that is built in HLS has another name there: it is another design.
            vivado = built.get(layer["name"])
            for name in RESOURCES if vivado and "lut" in layer else ():
                pair = Pair(
                    source=OWN, kind=kind_of(layer), layer=layer["name"], resource=name,
                    mapped=int(layer[name]), vivado=int(vivado[name]),
                )  # fmt: skip
                found[pair] = None
    return tuple(found)
