"""Make text from outside safe to show; write counts, sizes and durations."""

from __future__ import annotations

import json
from typing import Any

from contract.text import counted, listed, percent

__all__ = [
    "brief", "counted", "duration_text", "exact_text", "excerpt", "listed", "memory_text",
    "number_text", "percent", "printable", "shown", "size_text", "with_short_lines",
]  # fmt: skip

# Printable besides what Python calls so: line feeds, tabs and no-break spaces.
_LAYOUT = "\n\t\u00a0\u202f"


def printable(text: str) -> str:
    """`text` with control characters escaped as in JSON (ESC is `\\u001b`); lines stay lines.

    Characters that reverse a line or stand for a byte that is not UTF-8 are escaped, too.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in _LAYOUT else _escape(character)
        for character in text.replace("\r\n", "\n")
    )


def excerpt(text: str, length: int = 200) -> str:
    """The beginning of `text`, at most `length` characters on one line, for a quotation."""
    # Enough input to fill `length`, as long runs of spaces are rare.
    line = " ".join(printable(text[: 4 * length]).split())
    return line if len(line) <= length else f"{line[: length - 3]}..."


def shown(value: Any) -> str:
    """The beginning of a value from a user's file, as written in TOML and JSON."""
    match value:
        case None:
            text = "null"
        case bool():
            text = str(value).lower()
        case str():
            text = repr(value)
        case tuple() | list():
            text = f"[{', '.join(map(shown, value[:5]))}{', ...' if len(value) > 5 else ''}]"
        case dict():
            text = f"{{{', '.join(map(str, value))}}}"
        case _:
            text = str(value)
    return excerpt(text, 80)


def brief(value: Any, length: int = 200) -> str:
    """A value as JSON, text as it is; the number of its characters where there are more."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else f"({len(text):,} characters)"


def with_short_lines(text: str, length: int = 1000) -> str:
    """`text` with long lines cut off, as quotations of a user's file may be."""
    lines = text.split("\n")
    return "\n".join(line if len(line) <= length else f"{line[: length - 3]}..." for line in lines)


def number_text(value: float) -> str:
    """A rate, a count or a ratio: `1,562,500`, `24,414`, `64`, `3.46`; whole from 100 on.

    All tables, figures and sentences write numbers so, in full: nowhere as 1.56 M or 1.56e+06.
    """
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:,.3g}"


def exact_text(value: float) -> str:
    """A number in an equation, with every digit that counts: `1,562,500`, `78.125`."""
    return f"{value:,.10g}"


def size_text(size: float) -> str:
    """Bytes on a disk or on the wire, decimal: `0.4 MB`, `12 MB`, `1.3 GB`."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"


def memory_text(size: float) -> str:
    """Bytes of memory, binary as in a grid's `memory_gib`: `0.25 GiB`, `6 GiB`."""
    return f"{size / 2**30:.3g} GiB"


def duration_text(seconds: float) -> str:
    """Such as `0.4 s`, `12 s`, `2 min 5 s`, `3 h 20 min`."""
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _escape(character: str) -> str:
    return f"\\u{ord(character):04x}" if character.isascii() else json.dumps(character)[1:-1]
