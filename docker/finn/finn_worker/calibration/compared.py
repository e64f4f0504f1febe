"""Layers with both figures, and the file that keeps them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from finn_worker.mapping.mapped import Resources

COLUMNS = ("lut", "lutram", "ff", "bram18", "uram", "dsp")


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A layer, mapped and as Vivado has it.

    Attributes:
        kind: As figures are compared by.
        layer: What it is called; equal layers once, by the first of them.
        alike: How many layers of the source are equal to it, itself included.
        part, tool: Of the published figure.
        mapped, vivado: What it takes; None where it could not be mapped, and `note` says why.
    """

    kind: str
    layer: str
    alike: int
    part: str
    tool: str
    vivado: Resources
    mapped: Resources | None
    note: str = ""


def as_csv(compared: Iterable[Compared]) -> str:
    """A line for each: kind, layer, ..., then each count mapped and of Vivado."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    counts = [f"{name}_{whose}" for name in COLUMNS for whose in ("mapped", "vivado")]
    writer.writerow(["kind", "layer", "alike", "part", "tool", *counts, "lut_raw_mapped", "note"])
    for one in sorted(compared, key=lambda one: (one.kind, one.layer)):
        pairs = [
            "" if found is None else getattr(found, name)
            for name in COLUMNS
            for found in (one.mapped, one.vivado)
        ]
        raw = "" if one.mapped is None else one.mapped.lut_raw
        writer.writerow([one.kind, one.layer, one.alike, one.part, one.tool, *pairs, raw, one.note])
    return file.getvalue()
