"""Checks: nothing of them is broken in a word, at 80 columns."""

from __future__ import annotations

import io

from rich.text import Text

from bench.console.checks import show_check
from bench.console.terminal import Terminal


def shown(found: str, **more: str) -> str:
    file = io.StringIO()
    console = Terminal(file=file, width=80)
    show_check(console, "disk", Text("missing", "red"), found, more)
    return file.getvalue()


def test_what_is_said_stands_below_its_check() -> None:
    store = "/a/store/" + "of-a-long-name/" * 4
    text = shown(f"42.9 GB free at {store}", costs="", remedy="Free some. " * 20)
    lines = text.splitlines()
    assert lines[0].startswith("missing  disk: 42.9 GB free")
    assert store in text, "a path is whole"
    assert "costs" not in text
    below = [line for line in lines if line.startswith(" " * 9)]
    assert below[0].startswith(" " * 9 + "remedy: Free some.")
    assert len(below) > 2
    assert max(map(len, lines)) <= 80


def test_a_check_without_more_is_a_line() -> None:
    assert shown("").splitlines() == ["missing  disk"]
