"""Terms in the page's text, with their explanation at hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape, unescape

from bench.report.glossary import Term, stage_terms, terms, terms_in

GLOSSARY = "<!-- glossary -->"
"""Where the list of terms is to stand."""
# Drawings are left out: whoever renders a page again to compare it draws nothing.
_UNSEEN = re.compile(r"<(script|style|head|svg)\b.*?</\1>|<[^>]*>", re.DOTALL)
_START = re.compile(r"(?:^|[.?!:] )[A-Z](?=[a-z])")


def explained(text: str) -> str:
    """A sentence as HTML; the first time that a term stands in it, with its meaning."""
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    end, told = 0, set[Term]()
    for found, term in terms_in(text):
        if term not in told:
            told.add(term)
            yield escape(text[end : found.start()])
            yield _abbreviation(found[0], term.meaning)
            end = found.end()
    yield escape(text[end:])


def heading(text: str, formula: str | None = None) -> str:
    """The heading of a column as HTML, with the meaning of its terms and what `formula` says."""
    meanings = dict.fromkeys(term.meaning for _, term in terms_in(text, common=True))
    if formula:
        meanings[f"Here: {formula}."] = None
    return _abbreviation(text, " ".join(meanings)) if meanings else escape(text)


def stage_name(name: str) -> str:
    """The name of a stage as HTML, with what it does."""
    does = {term.name: term.meaning for term in stage_terms()}
    return _abbreviation(name, does[name]) if name in does else escape(name)


def with_glossary(page: str, drawn: Iterable[str] = ()) -> str:
    """The page with a list of the terms used or explained on it, and of those that explain them.

    Args:
        page: With `GLOSSARY` where the list is to stand.
        drawn: Texts of the drawings' data, whose terms count as well.
    """
    listed = sorted((*terms(), *stage_terms()), key=lambda term: term.name.lower())
    used = dict.fromkeys(term for term in listed if escape(term.meaning) in page)
    used |= dict.fromkeys((*_used(page), *_terms_of("\n".join(drawn))))
    explaining = list(used)
    for term in explaining:  # it grows
        explaining += [more for more in _terms_of(term.meaning) if more not in explaining]
    entries = "\n".join(_entry(term) for term in listed if term in explaining)
    return page.replace(GLOSSARY, entries)


def _used(page: str) -> Iterator[Term]:
    """The terms in what can be read on the page, those of everyday language, too."""
    pieces = _UNSEEN.sub("\n", page.replace(GLOSSARY, "")).split("\n")
    yield from _terms_of("\n".join(dict.fromkeys(map(unescape, pieces))))


def _terms_of(text: str) -> Iterator[Term]:
    """Also of those that begin a sentence with a capital."""
    lowered = "\n".join(
        _START.sub(lambda found: found[0].lower(), line) for line in text.split("\n")
    )
    for written in (text, lowered):
        yield from dict.fromkeys(term for _, term in terms_in(written, common=True))


def _entry(term: Term) -> str:
    also = f'<span class="also">, {escape(", ".join(term.also))}</span>' if term.also else ""
    return f"<div><dt>{escape(term.name)}{also}</dt><dd>{escape(term.meaning)}</dd></div>"


def _abbreviation(text: str, meaning: str) -> str:
    return f'<abbr title="{escape(meaning)}">{escape(text)}</abbr>'
