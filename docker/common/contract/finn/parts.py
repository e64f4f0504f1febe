"""The boards that FINN+ builds for, what their parts have, and which of them a design would fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

BOARDS = {
    "AUP-ZU3_8GB": "xczu3eg-sfvc784-2-e",
    "KV260_SOM": "xck26-sfvc784-2LV-c",
    "Pynq-Z1": "xc7z020clg400-1",
    "Pynq-Z2": "xc7z020clg400-1",
    "RFSoC2x2": "xczu28dr-ffvg1517-2-e",
    "RFSoC4x2": "xczu48dr-ffvg1517-2-e",
    "Ultra96": "xczu3eg-sbva484-1-e",
    "Ultra96-V2": "xczu3eg-sbva484-1-i",
    "ZCU102": "xczu9eg-ffvb1156-2-e",
    "ZCU104": "xczu7ev-ffvc1156-2-e",
    "ZCU111": "xczu28dr-ffvg1517-2-e",
}
"""The part of each board, as Vivado spells it: FINN+'s `finn.util.basic.pynq_part_map`."""

_RFSOC = {"lut": 425280, "bram18": 2160, "dsp": 4272, "uram": 80}
# Available by Vivado's report_utilization, and of the xck26 by AMD's data sheet DS987.
_DIES = {
    "xc7z020": {"lut": 53200, "bram18": 280, "dsp": 220, "uram": 0},
    "xczu3eg": {"lut": 70560, "bram18": 432, "dsp": 360, "uram": 0},
    "xczu7ev": {"lut": 230400, "bram18": 624, "dsp": 1728, "uram": 96},
    "xczu9eg": {"lut": 274080, "bram18": 1824, "dsp": 2520, "uram": 0},
    "xczu28dr": _RFSOC,
    "xczu48dr": _RFSOC,
    "xck26": {"lut": 117120, "bram18": 288, "dsp": 1248, "uram": 64},
}
# Flip-flops for each LUT, of 7-series and of UltraScale+ (AMD UG474, UG574).
_FF_PER_LUT = 2
NO_BOARD = "none"


def resources_of(part: str) -> dict[str, int] | None:
    """LUTs, block RAMs of 18 kbit, DSP slices and UltraRAMs of a part; None where not known."""
    return next((dict(has) for die, has in _DIES.items() if part.startswith(die)), None)


def with_flip_flops(has: Mapping[str, int]) -> dict[str, int]:
    """What a part has, with its flip-flops, which FINN's tables leave out."""
    return {**has, "ff": _FF_PER_LUT * has["lut"]}


def would_fit(needed: Mapping[str, int], share: float = 1.0) -> list[str]:
    """The boards of which a design takes no more than `share`, those of fewest LUTs first.

    By the same figures on each: a part with wider DSP slices may need fewer of them.

    Args:
        needed: Of each resource, what is around the design included; none of what is left out.
        share: Of what each part has.
    """
    known = {board: resources_of(part) for board, part in BOARDS.items()}
    has = {board: with_flip_flops(own) for board, own in known.items() if own}
    fitting = [
        board
        for board, own in has.items()
        if all(count <= share * own[name] for name, count in needed.items() if name in own)
    ]
    return sorted(fitting, key=lambda board: has[board]["lut"])


def in_short(boards: Sequence[str]) -> str:
    """Such as `ZCU104`, `KV260_SOM, 5 more`, `none`."""
    first, *more = boards or (NO_BOARD,)
    return f"{first}, {len(more)} more" if more else first


def told(boards: Sequence[str]) -> str:
    """The same in a sentence: `ZCU104`, `KV260_SOM and 5 more boards`."""
    if not boards:
        return f"{NO_BOARD} of the {len(BOARDS)} boards known here"
    first, *more = boards
    if not more:
        return first
    return f"{first} and {more[0] if len(more) == 1 else f'{len(more)} more boards'}"
