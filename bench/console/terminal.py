"""Print text literally: never interpreted as markup or control sequences.

All of bench prints through `Terminal`, `say` and `styled`, which a test checks.
"""

from __future__ import annotations

import string
import sys
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Span, Text

from bench.console.text import printable

READABLE = 80


class Terminal(Console):
    """A console that shows text literally: no markup, no emoji, control characters escaped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False} | options)
        if self.width < 1:  # COLUMNS=0, which would show nothing
            self.width = READABLE

    def render_str(self, text: str, **options: Any) -> Text:
        """Escape control characters of every string that is printed, table cells included."""
        return super().render_str(printable(text), **options)

    @property
    def readable(self) -> int:
        """Columns of text that is read, not scanned: those of a terminal, elsewhere few."""
        return self.width if self.is_terminal else min(self.width, READABLE)

    def one_line(self, text: str | Text) -> None:
        """Print `text`: between words folded on a terminal, elsewhere one line, to be searched."""
        self.print(text, soft_wrap=not self.is_terminal)

    def paragraph(self, text: str | Text, indent: int = 0) -> None:
        """Print `text`, folded at `readable` columns."""
        self.print(Padding(text, (0, 0, 0, indent)), width=self.readable)


def output(piped: int = READABLE) -> Terminal:
    """Standard output, as wide as the terminal; `piped` columns where it is none."""
    return Terminal(width=None if sys.stdout.isatty() else piped)


def styled(template: str, /, *values: object, **named: object) -> Text:
    """Text in colours: `styled("[red]damaged[/] {}: {}", name, reason)`.

    Only the template is markup; the values fill its fields, as in `str.format`, literally.
    """
    fields = _Fields()
    marked = Text.from_markup(fields.vformat(template, values, named), emoji=False)
    cuts = [i + end for i, letter in enumerate(marked.plain) if letter == _FIELD for end in (0, 1)]
    filled = iter(fields.contents)
    pieces = marked.divide(cuts)
    return Text().join(_fill(p, next(filled)) if p.plain == _FIELD else p for p in pieces)


# The placeholder of a field in a template; `printable` removes it from values.
_FIELD = "\ue000"


class _Fields(string.Formatter):
    """Keeps the values apart from the template, as rich's escaping fails at backslashes."""

    def __init__(self) -> None:
        self.contents: list[Text] = []

    def format_field(self, value: Any, format_spec: str) -> str:
        is_text = isinstance(value, Text)
        self.contents.append(value if is_text else Text(printable(format(value, format_spec))))
        return _FIELD


def _fill(field: Text, content: Text) -> Text:
    around = (Span(0, len(content), span.style) for span in field.spans)
    return Text(content.plain, spans=[*around, *content.spans], end="")


def say(text: str, *, to_stderr: bool = False) -> None:
    """Print a line that has no colours."""
    click.echo(printable(text), err=to_stderr)
