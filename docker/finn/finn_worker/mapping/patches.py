"""Rewrites of FINN's modules, on a copy, for what Yosys does not read or would not map alike.

None changes what a module does: `tests/test_mapping_patches.py` simulates each beside the original.
A source in which a patch does not find what it was written for is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from finn_worker.rtl.lut_core import AROUND, AROUND_LUTS
from stagekit import StageError


@dataclass(frozen=True)
class Patch:
    """A rewrite of one file.

    Attributes:
        name: For people.
        file: The file of FINN's.
        reason: Why the tool needs it.
        changes: Text by what takes its place; each has to be there exactly once.
    """

    name: str
    file: str
    reason: str
    changes: Mapping[str, str]


# Yosys finds the variable tap of a shift register in descending arrays only.
_DESCENDING = "Yosys finds shift registers in arrays that are declared descending"
_LOWER_CASE = "Yosys knows the attribute in lower case only"

PATCHES = (
    Patch(
        "no start-up watchdog",
        "mvu.sv",
        "a delay at start-up, which warns in simulation, is no hardware",
        {
            "\tif(1) begin : blkRecoveryWatch\n"
            "\t\tlogic  Dirty = 1;\n"
            "\t\tinitial begin\n"
            "\t\t\t#100ns;\n"
            "\t\t\tDirty <= 0;\n"
            "\t\tend\n": "\tif(1) begin : blkRecoveryWatch\n\t\tuwire  Dirty = 0;\n",
        },
    ),
    Patch(
        "a shift for a reversed range",
        "thresholding.sv",
        "in the first stage the range has no bits, which the front end refuses",
        {
            "p.ptr[M-1:SN+1] < 2**stage - SCOPE_REDUCE": "(p.ptr[M-1:0] >> (SN+1)) < "
            "2**stage - SCOPE_REDUCE",
        },
    ),
    Patch(
        "descending output queue",
        "thresholding.sv",
        _DESCENDING,
        {"ADat[A_DEPTH];": "ADat[A_DEPTH-1:0];"},
    ),
    Patch(
        "block RAM by attribute",
        "thresholding.sv",
        _LOWER_CASE,
        {
            "(* RAM_STYLE = RAM_STYLE *)": "(* ram_style = RAM_STYLE *)",
            '"FALSE", RAM_STYLE = RAM_STYLE *)': '"FALSE", ram_style = RAM_STYLE *)',
        },
    ),
    Patch(
        "constant function in front",
        "add_multi.sv",
        "the front end does not take a function declared inside a generate block",
        {},
    ),
    Patch(
        "weights that nobody writes",
        "memstream_axi.sv",
        "Yosys does not see that registers which no request ever sets stay as they are",
        {
            "assign\tmem_ce = config_ce;": "assign\tmem_ce = 0;",
            "assign\tmem_we = config_we;": "assign\tmem_we = 0;",
        },
    ),
    Patch(
        "descending output queue",
        "memstream.sv",
        _DESCENDING,
        {
            "OSrl[FULL_CREDIT-1];": "OSrl[FULL_CREDIT-2:0];",
            "OSrl <= { Dat3, OSrl[0:FULL_CREDIT-3] };": "OSrl <= { OSrl[FULL_CREDIT-3:0], Dat3 };",
        },
    ),
    Patch(
        "memory by attribute",
        "memstream.sv",
        _LOWER_CASE,
        {"(* RAM_STYLE = RAM_STYLE *)": "(* ram_style = RAM_STYLE *)"},
    ),
    Patch(
        "replay buffer of LUTs",
        "replay_buffer.sv",
        "Yosys would take block RAM for a few words",
        {
            "\t\tdata_t  Mem[2**AWIDTH];": '\t\t(* ram_style = "distributed" *)\n'
            "\t\tdata_t  Mem[2**AWIDTH];"
        },
    ),
    Patch(
        "descending output queue",
        "mvu_vvu_axi.sv",
        _DESCENDING,
        {
            "OBuf[0:MAX_IN_FLIGHT];": "OBuf[MAX_IN_FLIGHT:0];",
            "{ odat, OBuf[0:MAX_IN_FLIGHT-1] };": "{ OBuf[MAX_IN_FLIGHT-1:0], odat };",
        },
    ),
    Patch(
        "descending shift register",
        "fifo.sv",
        _DESCENDING,
        {
            "dat_t  A[DEPTH_IMPL];": "dat_t  A[DEPTH_IMPL-1:0];",
            "A <= { idat, A[0:DEPTH_IMPL-2] };": "A <= { A[DEPTH_IMPL-2:0], idat };",
        },
    ),
    Patch(
        "memory by attribute",
        "fifo.sv",
        _LOWER_CASE,
        {
            '(* RAM_STYLE = "distributed" *)': '(* ram_style = "distributed" *)',
            "(* RAM_STYLE = RAM_STYLE_EFF *)": "(* ram_style = RAM_STYLE_EFF *)",
            "(* RAM_STYLE = RAM_STYLE_HI *)": "(* ram_style = RAM_STYLE_HI *)",
        },
    ),
)

# Files of ours that are FINN's but for what they instantiate.
_COPIES = {f"{AROUND_LUTS}.sv": f"{AROUND}.sv"}


def fit(file: str, text: str) -> str:
    """The text of FINN's file as Yosys takes it.

    Raises:
        StageError: It is not the source that a patch was written for.
    """
    original = _COPIES.get(file, file)
    for patch in PATCHES:
        if patch.file == original:
            for old, new in patch.changes.items():
                text = _replace_once(patch, old, new, text)
    if file == "add_multi.sv":
        text = _hoist(text)
    # Inside a module, where FINN has it, the front end does not take it.
    return re.sub(r"^`default_nettype\b.*$", "", text, flags=re.MULTILINE)


def _hoist(text: str) -> str:
    """The constant function of add_multi.sv in front of the generate block that declares it."""
    block = re.search(
        r"\t\ttypedef int unsigned  leaf_load_t.*?endfunction : init_leaf_loads\n", text, re.DOTALL
    )
    anchor = "\tuwire [SUM_WIDTH-1:0]  sum0;\n"
    if block is None or text.count(anchor) != 1:
        raise _unexpected("add_multi.sv", "constant function in front")
    return text.replace(block.group(), "").replace(anchor, block.group() + anchor)


def _replace_once(patch: Patch, old: str, new: str, text: str) -> str:
    if text.count(old) != 1:
        raise _unexpected(patch.file, patch.name)
    return text.replace(old, new)


def _unexpected(file: str, name: str) -> StageError:
    return StageError(
        f"FINN's {file} is not the one that the patch '{name}' was written for.",
        "The pinned version of FINN+ has changed: adapt finn_worker/mapping/patches.py to it.",
    )
