"""Yosys' library of Xilinx' primitives, with block RAMs that leave out what they hold."""

from __future__ import annotations

import re
from pathlib import Path

# Has the macros with which the block RAMs of every family say what they hold.
_MACROS = "xilinx/brams_defs.vh"


def without_contents(share: Path, folder: Path) -> Path:
    """Make a copy of the library in which block RAMs have no initial contents.

    No count depends on them, and Yosys takes seconds to put them into words of 256 bits.

    Args:
        share: The library.
        folder: Where to make it; empty.

    Returns:
        The copy, all but one file of it links.
    """
    copy = folder / "share"
    (copy / _MACROS).parent.mkdir(parents=True)
    for path in (*share.iterdir(), *(share / _MACROS).parent.iterdir()):
        link = copy / path.relative_to(share)
        if not link.exists():
            link.symlink_to(path)
    macros = (share / _MACROS).read_text(encoding="utf-8")
    emptied = "".join(
        f"`define {name}\n"
        for name in re.findall(r"^`define (PARAMS_INIT\w*)", macros, re.MULTILINE)
    )
    (copy / _MACROS).unlink()
    (copy / _MACROS).write_text(f"{macros}\n{emptied}", encoding="utf-8")
    return copy
