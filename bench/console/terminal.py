"""Print text as it is: never taken for markup or control sequences.

All of bench writes through `Terminal`, `say` and `styled`; a test sees to that.
"""

from __future__ import annotations

import string
from typing import Any

import click
from rich.console import Console
from rich.text import Span, Text

from bench.console.text import printable


class Terminal(Console):
    """A console that shows text as it is: no markup, no emoji, control characters escaped.

    Args:
        options: As of `rich.console.Console`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False} | options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Whatever is printed as a string comes through here, cells of tables included."""
        return super().render_str(printable(text), **options)


def styled(template: str, /, *values: object, **named: object) -> Text:
    """Text in colours: `styled("[red]damaged[/] {}: {}", name, reason)`.

    Args:
        template: A constant; only this is markup.
        *values: Fill its fields, as in `str.format`; shown as they are.
        **named: The same.
    """
    fields = _Fields()
    marked = Text.from_markup(fields.vformat(template, values, named), emoji=False)
    cuts = [i + end for i, letter in enumerate(marked.plain) if letter == _FIELD for end in (0, 1)]
    filled = iter(fields.contents)
    pieces = marked.divide(cuts)
    return Text().join(_fill(p, next(filled)) if p.plain == _FIELD else p for p in pieces)


# Stands in a template for what fills a field; `printable` lets none through.
_FIELD = "\ue000"


class _Fields(string.Formatter):
    """Takes what fills the fields of a template apart from it.

    rich's own way, to escape what looks like markup, fails at backslashes.
    """

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
