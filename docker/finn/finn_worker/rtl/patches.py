"""Rewrites of FINN's modules that Verilator needs to accept them; none changes hardware."""

from __future__ import annotations

import re
from collections.abc import Callable

from stagekit import StageError

# FINN writes widths as SystemVerilog lets it: cut and extended where they differ.
_EXCUSED = ("WIDTHTRUNC", "WIDTHEXPAND", "WIDTHXZEXPAND")
# In front of the first line, so that messages still name the right one.
_EXCUSE = "".join(f"/* verilator lint_off {warning} */ " for warning in _EXCUSED)


def patch(name: str, text: str) -> str:
    """The text of FINN's file `name` as Verilator accepts it.

    Raises:
        StageError: The file does not look as expected, so it cannot be patched.
    """
    rewrite = _PATCHES.get(name)
    return _EXCUSE + (text if rewrite is None else rewrite(text))


def _fifo(text: str) -> str:
    # Constant functions may return packed structures only.
    return _replace_once("fifo.sv", r"typedef struct \{", "typedef struct packed {", text)


def _add_multi(text: str) -> str:
    # Constant functions may not be declared inside a generate block: move it in front.
    block = re.search(
        r"\t\ttypedef int unsigned  leaf_load_t.*?endfunction : init_leaf_loads\n", text, re.DOTALL
    )
    if block is None:
        raise _unexpected("add_multi.sv")
    text = text.replace(block.group(), "")
    anchor = r"(\tuwire \[SUM_WIDTH-1:0\]  sum0;\n)"
    return _replace_once("add_multi.sv", anchor, lambda match: block.group() + match.group(), text)


def _swg_common(text: str) -> str:
    # A `unique case` of all states of an enumeration is no latch: its other values never occur.
    return "/* verilator lint_off LATCH */ " + text


_PATCHES: dict[str, Callable[[str], str]] = {
    "fifo.sv": _fifo,
    "add_multi.sv": _add_multi,
    "swg_common.sv": _swg_common,
}


def _replace_once(
    name: str, pattern: str, by: str | Callable[[re.Match[str]], str], text: str
) -> str:
    text, count = re.subn(pattern, by, text)
    if count != 1:
        raise _unexpected(name)
    return text


def _unexpected(name: str) -> StageError:
    return StageError(
        f"FINN's {name} does not look as expected, so it cannot be made fit for Verilator.",
        "The pinned version of FINN+ has changed: adapt finn_worker/rtl/patches.py to it.",
    )
