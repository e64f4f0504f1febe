"""The terms of reports, which glossary.toml beside this file explains, and the stages."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.flows import all_stages

FILE = Path(__file__).with_name("glossary.toml")


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term and what it means; the attributes are explained in the file."""

    name: str
    meaning: str
    also: tuple[str, ...] = ()
    common: bool = False

    @property
    def spellings(self) -> tuple[str, ...]:
        """All of them."""
        return (self.name, *self.also)


@cache
def terms() -> tuple[Term, ...]:
    """All terms, by their names."""
    listed = tomllib.loads(FILE.read_text(encoding="utf-8"))["term"]
    every = (Term(**{**term, "also": tuple(term.get("also", ()))}) for term in listed)
    return tuple(sorted(every, key=lambda term: term.name.lower()))


def stage_terms() -> tuple[Term, ...]:
    """The stages of all flows, by their names, as each sums itself up."""
    stages = sorted(all_stages().items())
    return tuple(Term(name=name, meaning=f"A stage: {stage.summary}.") for name, stage in stages)


def terms_in(text: str, *, common: bool = False) -> Iterator[tuple[re.Match[str], Term]]:
    """Where terms stand in `text`, from left to right, the longest spelling first.

    Args:
        text: Any.
        common: Whether words of everyday language are looked for, too.
    """
    by_spelling = _by_spelling(common=common)
    for found in _pattern(common=common).finditer(text):
        yield found, by_spelling[found[0]]


@cache
def _by_spelling(*, common: bool) -> dict[str, Term]:
    chosen = [term for term in terms() if common or not term.common]
    single = {spelling: term for term in chosen for spelling in term.spellings}
    return {f"{spelling}s": term for spelling, term in single.items()} | single


@cache
def _pattern(*, common: bool) -> re.Pattern[str]:
    longest = sorted(_by_spelling(common=common), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest))})(?![\w-])")
