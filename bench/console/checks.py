"""Checks of a machine or a board: a line for each, and below it what it costs and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from bench.console.terminal import Terminal, styled

_INDENT = 9


def show_check(
    console: Terminal, name: str, state: Text, found: str, more: Mapping[str, str]
) -> None:
    """Print one; of `more`, what is not empty, each with its label."""
    mark = Text.assemble(state, " " * (_INDENT - len(state)))
    console.print(styled("{}[bold]{}[/]{}", mark, name, f": {found}" if found else ""))
    for label, text in more.items():
        if text:
            console.paragraph(styled("[dim]{}:[/] {}", label, text), indent=_INDENT)
