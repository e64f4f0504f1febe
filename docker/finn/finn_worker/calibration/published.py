"""Read what Vivado published about a layer: its utilisation report after synthesis."""

from __future__ import annotations

import re
from dataclasses import dataclass

from finn_worker.mapping.mapped import Resources

_ROW = re.compile(r"^\|\s*([A-Za-z0-9/* ]+?)\*?\s*\|\s*([0-9.]+)\s*\|", re.MULTILINE)
_FACT = re.compile(r"^\| (Tool Version|Design|Device)\s*: (.+?)\s*$", re.MULTILINE)
# Vivado's names in 7-series, then in UltraScale+.
_LUT, _FF = ("Slice LUTs", "CLB LUTs"), ("Slice Registers", "CLB Registers")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A utilisation report.

    Attributes:
        design: The module that was synthesized, out of context.
        part: As Vivado names it.
        version: Of Vivado, such as `2022.2`.
        resources: What it takes; Vivado counts no LUT before combining.
    """

    design: str
    part: str
    version: str
    resources: Resources


def parse(report: str) -> Published | None:
    """The report of `report_utilization`; None where the text is another."""
    facts = dict(_FACT.findall(report))
    counts = {name.strip(): float(used) for name, used in _ROW.findall(report)}
    lut = _first(counts, _LUT)
    ff = _first(counts, _FF)
    if lut is None or ff is None or not {"Tool Version", "Design", "Device"} <= facts.keys():
        return None
    version = re.search(r"v\.(\S+)", facts["Tool Version"])
    bram36 = int(counts.get("RAMB36/FIFO", 0))
    return Published(
        design=facts["Design"],
        part=facts["Device"],
        version=version[1] if version else facts["Tool Version"],
        resources=Resources(
            lut=lut,
            lutram=int(counts.get("LUT as Memory", 0)),
            ff=ff,
            bram18=int(counts.get("RAMB18", 0)) + 2 * bram36,
            bram36=bram36,
            uram=int(counts.get("URAM", 0)),
            dsp=int(counts.get("DSPs", 0)),
        ),
    )


def _first(counts: dict[str, float], names: tuple[str, ...]) -> int | None:
    return next((int(counts[name]) for name in names if name in counts), None)
