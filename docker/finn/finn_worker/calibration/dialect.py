"""What Yosys does not read, or would not map as Vivado does, in Verilog that others published.

Applied to a copy, whatever version of FINN wrote it; nothing here changes what a module does.
`mapping.patches` is stricter, and is for the version of FINN+ that is pinned.
"""

from __future__ import annotations

import re

_REWRITES = (
    # Inside a module the front end does not take it.
    (re.compile(r"^[ \t]*`default_nettype\b.*$", re.MULTILINE), ""),
    # The front end wants `var` before a type that is a reference.
    (re.compile(r"\bautomatic\s+type\("), "var automatic type("),
    # Files of contents lie beside the module, wherever they once were.
    (re.compile(r'(\$readmem[hb]\s*\(\s*")[^"]*/'), r"\1"),
    # A pattern of patterns with a default; reset sets the same.
    (re.compile(r"(\bptr_t\s+Ptr\[3\])\s*=\s*'\{.*?\n\s*\};", re.DOTALL), r"\1;"),
    # Values at the start of simulations only.
    (re.compile(r"^[ \t]*`timescale\b.*$", re.MULTILINE), ""),
)


# Yosys knows attributes in lower case only.
_ATTRIBUTE = re.compile(r"\(\*[^)]*?\*\)")
_STYLE = re.compile(r"\b(RAM_STYLE|ROM_STYLE)(?=\s*=)")


def fit(text: str) -> str:
    """The text of a file as Yosys takes it."""
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return _ATTRIBUTE.sub(lambda found: _STYLE.sub(lambda name: name[0].lower(), found[0]), text)
