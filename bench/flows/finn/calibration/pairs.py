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


def kind_of(op_type: str, core: str | None = None) -> str:
    """The kind of a layer: its operator, and of an MVAU its core."""
    if op_type == "MVAU_rtl" and core == "lut":
        return LUT_MVAU
    return _KINDS.get(op_type, op_type)


@cache
def published_pairs() -> tuple[Pair, ...]:
    """Of all files of published figures; layers that could not be mapped are left out."""
    return pairs_of(sorted(PUBLISHED.glob("*.csv")))


def pairs_of(files: Iterable[Path]) -> tuple[Pair, ...]:
    """Of these files; a layer that stands alike in several, in all its figures, counts once."""
    rows: dict[tuple[str, ...], tuple[str, Mapping[str, str]]] = {}
    for file in files:
        with file.open(newline="", encoding="utf-8") as opened:
            for row in csv.DictReader(opened):
                rows.setdefault(tuple(row.values()), (file.stem, row))
    return tuple(
        Pair(
            source=source, kind=row["kind"], layer=row["layer"], resource=name,
            mapped=int(row[f"{name}_mapped"]), vivado=int(row[f"{name}_vivado"]),
        )
        for source, row in rows.values()
        for name in RESOURCES
        if row[f"{name}_mapped"]
    )  # fmt: skip


def own_pairs(metrics: Iterable[Mapping[str, Mapping[str, Any]]]) -> tuple[Pair, ...]:
    """Of designs that were mapped and built with the user's Vivado, each distinct pair once.

    Args:
        metrics: By stage, of every point.
    """
    found: dict[Pair, None] = {}
    for own in metrics:
        built = own.get("synthesize", {}).get("layers_synth", {})
        compiled = own.get("compile", {}).get("simulated", {}).get("layers", ())
        cores = {layer["name"]: layer.get("core") for layer in compiled}
        for layer in own.get("map", {}).get("layers", ()):
            # A layer that is built in HLS has another name there: it is another design.
            vivado, name = built.get(layer["name"]), str(layer["name"])
            kind = kind_of(layer["op_type"], cores.get(name))
            for resource in RESOURCES if vivado and "lut" in layer else ():
                pair = Pair(
                    source=OWN, kind=kind, layer=name, resource=resource,
                    mapped=int(layer[resource]), vivado=int(vivado[resource]),
                )  # fmt: skip
                found[pair] = None
    return tuple(found)
