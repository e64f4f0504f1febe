"""Modules side by side in one simulation, and how much of what they give differs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import finn

from finn_worker.rtl.patches import patch
from finn_worker.simulator_build import OWN_RTL, Sources, build

FINN_RTL = Path(str(finn.__file__)).parent / "finn-rtllib"
RTL = Path(__file__).parent / "rtl"
CYCLES = 30_000

Module = tuple[str, str]
"""File name and text."""


def finn_module(path: str, rename: bool = True) -> Module:
    """A module of FINN's, called finn_... beside its stand-in."""
    file = FINN_RTL / path
    text = patch(file.name, file.read_text(encoding="utf-8"))
    return f"finn_{file.name}", renamed(text, file.stem, f"finn_{file.stem}") if rename else text


def own_module(path: str, name: str | None = None) -> Module:
    """A module of bench's, by another name where one is given."""
    file = OWN_RTL / path
    text = file.read_text(encoding="utf-8")
    return file.name, renamed(text, file.stem, name) if name else text


def renamed(text: str, module: str, name: str) -> str:
    """`text` with another name for one of its modules."""
    pattern = rf"^(module|endmodule :) {module}\b"
    return re.sub(pattern, rf"\1 {name}", text, flags=re.MULTILINE)


def simulate(
    modules: Mapping[str, str],
    instances: Sequence[str],
    cycles: int,
    folder: Path,
    cache: Path,
    library: Mapping[str, str] | None = None,
) -> list[tuple[int, int]]:
    """(words that differed, words) of each instance.

    Args:
        modules: Texts by file name.
        instances: Number i counts its words in `different[i]` and `active[i]`.
        cycles: How long.
        folder: Where it runs, with the files that modules read.
        cache: Keeps the executable.
        library: C++ that modules call.
    """
    count = len(instances)
    ports = ", ".join(f"output logic [31:0] {name}[{count}]" for name in ("different", "active"))
    top = f"module top(input logic clk, input logic rst, {ports});\n"
    rtl = {**modules, "top.sv": top + "".join(instances) + "endmodule : top\n"}
    cpp = {"pairs.cpp": (RTL / "pairs.cpp").read_text(encoding="utf-8")}
    executable = build(Sources(rtl, cpp, library or {}, "-O0"), cache, folder, processes=2)
    command = [str(executable), str(cycles)]
    printed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    counted = [(int(a), int(b)) for a, b in (line.split() for line in printed.splitlines())]
    assert len(counted) == count
    return counted


def compare(
    pair: str,
    configurations: Sequence[Mapping[str, Any]],
    modules: Sequence[Module],
    cache: Path,
    folder: Path,
    cycles: int = CYCLES,
) -> list[tuple[int, int]]:
    """(cycles that differed, transfers) of the module `pair` in each configuration."""
    files = dict([*modules, (f"{pair}.sv", (RTL / f"{pair}.sv").read_text(encoding="utf-8"))])
    library = dict(own_module(name) for name in ("mvu_core.cpp", "mvu_core.h"))
    instances = []
    for i, values in enumerate(configurations):
        parameters = ", ".join(f".{name}({value})" for name, value in values.items())
        ports = f".clk, .rst, .different(different[{i}]), .active(active[{i}])"
        instances.append(f"{pair} #({parameters}) pair_{i}({ports});\n")
    return simulate(files, instances, cycles, folder, cache, library)
