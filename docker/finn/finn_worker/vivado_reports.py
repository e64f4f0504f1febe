"""Parse Vivado's reports into numbers, and its logs for the reason why it stopped.

The formats are those of Vivado 2022.2 and 2024.2; docker/finn/tests holds hand-made samples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stagekit import StageError

_ERROR = re.compile(r"^ERROR: .+", re.MULTILINE)
_LICENCE_BUSY = re.compile(
    # FlexNet's error -4: every seat is taken. A licence that does not exist is -5 and final.
    r"Licensed number of users already reached|FLEX\S* .{0,40}error:? *-4\b",
    re.IGNORECASE,
)
_NO_ROOM = re.compile(
    r"^.*(?:requires more .+ than are available|\[DRC UTLZ-1\]|\[Place 30-487\]|over-utilized).*$",
    re.MULTILINE,
)
_POWER = re.compile(
    r"^\|\s*(Total On-Chip Power|Dynamic|Device Static) \(W\)\s*\|\s*([0-9.]+)", re.M
)
_POWER_NAMES = {
    "Total On-Chip Power": "power_w",
    "Dynamic": "power_dynamic_w",
    "Device Static": "power_static_w",
}

_PARTITION = re.compile(r"^StreamingDataflowPartition_\d+_")


def first_error(log: str) -> str | None:
    """The first error in a log of Vivado or Vitis HLS."""
    return _first_line(_ERROR, log)


def licence_is_busy(log: str) -> bool:
    """Whether a floating licence was in use by others: worth another try."""
    return bool(_LICENCE_BUSY.search(log))


def lacks_room(log: str) -> str | None:
    """The line that says that the design does not fit the part."""
    return _first_line(_NO_ROOM, log)


def parse_timing(report: str, clock_mhz: float) -> dict[str, float]:
    """The worst slack of a timing summary, and the frequency that it leaves.

    Args:
        report: Output of report_timing_summary, after routing.
        clock_mhz: The clock asked for.

    Raises:
        StageError: It holds no design timing summary.
    """
    lines = iter(report.splitlines())
    for line in lines:
        names = line.split()
        if names[:2] == ["WNS(ns)", "TNS(ns)"]:
            next(lines, "")  # a line of dashes
            values = next(lines, "").split()
            try:
                wns, tns = float(values[0]), float(values[1])
            except (IndexError, ValueError):
                break
            return {
                "wns_ns": wns,
                "tns_ns": tns,
                "fmax_mhz": clock_mhz / (1 - wns * clock_mhz / 1000),
            }
    raise StageError(
        "Vivado's timing report has no design timing summary.",
        "Look at report/post_route_timing.rpt in the failed stage's folder.",
    )


def parse_power(report: str) -> dict[str, float]:
    """Watts by Vivado's estimate: `power_w`, of which `power_dynamic_w` and `power_static_w`."""
    return {_POWER_NAMES[name]: float(value) for name, value in _POWER.findall(report)}


def parse_utilisation(resources: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """What the whole design takes, from FINN+'s post_synth_resources.json.

    Raises:
        StageError: It has no entry for the whole design.
    """
    top = resources.get("(top)")
    if top is None:
        raise StageError(
            "FINN+'s resource report does not name the whole design.",
            "Look at report/post_synth_resources.json in the failed stage's folder.",
        )
    return {f"{name}_synth": count for name, count in _counts(top).items()}


def parse_layers(resources: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """The same of each layer, by its name; FINN+ puts that of its partition in front."""
    return {
        _PARTITION.sub("", name): _counts(entry)
        for name, entry in resources.items()
        if name != "(top)" and "LUT" in entry
    }


def _counts(entry: Mapping[str, Any]) -> dict[str, int]:
    return {
        "lut": _sum(entry, "LUT"),
        "ff": _sum(entry, "FF"),
        "bram18": _sum(entry, "BRAM_18K") + 2 * _sum(entry, "BRAM_36K"),
        "dsp": _sum(entry, "DSP", "DSP48"),
        "uram": _sum(entry, "URAM"),
    }


def _first_line(pattern: re.Pattern[str], log: str) -> str | None:
    line = pattern.search(log)
    return line[0].strip() if line else None


def _sum(entry: Mapping[str, Any], *names: str) -> int:
    return sum(int(entry.get(name, 0)) for name in names)
