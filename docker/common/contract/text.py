"""Counts and lists and shares in sentences, of the host and of the workers."""

from __future__ import annotations

from collections.abc import Iterable


def counted(count: int | str, noun: str, plural: str = "") -> str:
    """Such as `1 point`, `2,450 points`; `count` may be text, the default `plural` adds an s."""
    number = count if isinstance(count, str) else f"{count:,}"
    return f"{number} {noun if number == '1' else plural or noun + 's'}"


def listed(values: Iterable[object]) -> str:
    """Such as `a, b and c`."""
    texts = [str(value) for value in values]
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def percent(share: float) -> str:
    """Such as `85%`, `84.6%`, `1,430%`; of less than a percent, two digits that count."""
    text = f"{100 * share:,.1f}" if share >= 0.01 else f"{100 * share:.2g}"
    return f"{text.removesuffix('.0')}%"
