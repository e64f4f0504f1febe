"""Modules of Verilog in a folder, and all that one of them is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_DECLARED = re.compile(
    r"^\s*(?:\(\*.*?\*\)\s*)*(?:module|package)\s+(?:automatic\s+)?([A-Za-z_]\w*)", re.M
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_MEMORY = re.compile(r'\$readmem[hb]\s*\(\s*"([^"]+)"')
# What Vivado writes about a module for others: no source of it.
_NO_SOURCES = re.compile(r"_(?:stub|sim_netlist)\.v$|/sim/|\.cache/")


@dataclass
class Modules:
    """The Verilog of a folder.

    Attributes:
        texts: By file.
        files: The file of each module and package.
        data: Files that may be read with $readmemh, by name.
    """

    texts: dict[Path, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    data: dict[str, Path] = field(default_factory=dict)

    def closure(self, top: str) -> dict[str, str]:
        """Text of each file that `top` needs, by its name, packages first.

        Raises:
            KeyError: There is no such module.
        """
        wanted, found = [self.files[top]], []
        while wanted:
            file = wanted.pop()
            if file in found:
                continue
            found.append(file)
            words = set(_WORD.findall(_COMMENT.sub("", self.texts[file])))
            wanted += [self.files[word] for word in sorted(words & self.files.keys())]
        found.sort(key=lambda file: not re.search(r"^\s*package\s", self.texts[file], re.M))
        return {file.name: self.texts[file] for file in found}


def read_by(text: str) -> list[str]:
    """The files that a text names as what it reads with $readmemh."""
    return _MEMORY.findall(_COMMENT.sub("", text))


def read(folder: Path) -> Modules:
    """All modules under `folder`; of several of one name the first by path."""
    found = Modules()
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".dat":
            found.data.setdefault(path.name, path)
        if path.suffix not in (".v", ".sv") or _NO_SOURCES.search(path.as_posix()):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found.texts[path] = text
        for name in _DECLARED.findall(_COMMENT.sub("", text)):
            found.files.setdefault(name, path)
    return found
