"""The core of LUTs in a layer's Verilog: in the place of FINN's, and under another name.

FINN's `mvu_vvu_axi` brings weights, replayed inputs and results to and from its core. A copy,
`mvu_vvu_axi_lut`, has the core of LUTs in it, and nothing else of it differs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from stagekit import StageError

AROUND = "mvu_vvu_axi"
AROUND_LUTS = f"{AROUND}_lut"
CORE = Path(__file__).resolve().parents[2] / "rtl" / "cores" / "mvu_lut.sv"
# FINN's cores, and what only they use.
REPLACED = frozenset(
    {f"{AROUND}.sv", "mvu.sv", "mvu_pkg.sv", "mvu_vvu_8sx9_dsp58.sv", "add_multi.sv"}
)

_NOTE = """\
// Not FINN's {name}.sv as it came: a copy by bench, with its core of LUTs, mvu_lut, in the place of
// FINN's cores, and called {copy}. What follows is FINN's.
"""
# FINN's choice between its two cores, up to the end of the branch of `mvu`.
_CHOICE = re.compile(
    r"\t\t// @todo\tPush core selection.*?\t\telse begin : genSoftVec\n"
    r"(?P<mvu>\t\t\tmvu #\(.*?\);\n)\t\tend : genSoftVec\n",
    re.DOTALL,
)


def around_luts(text: str) -> str:
    """The text of `mvu_vvu_axi_lut.sv`, from that of FINN's `mvu_vvu_axi.sv`.

    Raises:
        StageError: FINN's is another one than it was written for.
    """
    text, replaced = _CHOICE.subn(
        lambda found: found["mvu"].replace("\t\t\tmvu #", "\t\tmvu_lut #"), text
    )
    text, named = re.subn(
        rf"^(module|endmodule :) {AROUND}\b", rf"\1 {AROUND_LUTS}", text, flags=re.M
    )
    if (replaced, named) != (1, 2) or len(re.findall(r"\bmvu(_vvu_8sx9_dsp58)? #", text)) > 0:
        raise _unexpected(f"{AROUND}.sv")
    return _NOTE.format(name=AROUND, copy=AROUND_LUTS) + text


def wrapped(text: str) -> str:
    """A layer's generated wrapper, with the copy in the place of FINN's `mvu_vvu_axi`.

    Raises:
        StageError: It has no such instance.
    """
    text, count = re.subn(rf"^{AROUND} #", f"{AROUND_LUTS} #", text, flags=re.MULTILINE)
    if count != 1:
        raise _unexpected("wrapper of an MVAU")
    return text


def sources(files: Sequence[Path], top: str) -> tuple[list[Path], dict[str, str]]:
    """Of a layer's files, those that stay, and the texts of those that are new, by file name.

    Args:
        files: As FINN lists them.
        top: File name of the layer's generated wrapper.
    """
    texts = {file.name: file.read_text(encoding="utf-8") for file in files}
    new = {
        top: wrapped(texts[top]),
        f"{AROUND_LUTS}.sv": around_luts(texts[f"{AROUND}.sv"]),
        CORE.name: CORE.read_text(encoding="utf-8"),
    }
    return [file for file in files if file.name not in {*REPLACED, top}], new


def _unexpected(name: str) -> StageError:
    return StageError(
        f"FINN's {name} does not look as expected, so that the core of LUTs cannot be put into it.",
        "The pinned version of FINN+ has changed: adapt finn_worker/rtl/lut_core.py to it.",
    )
