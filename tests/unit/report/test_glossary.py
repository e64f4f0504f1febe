"""The glossary: every term of a report's tables is in it, and the page has it at hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from fakes import GRID, MetricsRunner, gathered, write_grid
from scripts import run_file

from bare_runner import resolver_on
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.paths import ROOT
from bench.pipeline import execute, plan
from bench.report import cells, fastest
from bench.report.glossary import stage_terms, terms, terms_in
from bench.report.html import page
from bench.report.html.provenance import About, provenance_of
from bench.report.html.words import GLOSSARY, explained, heading, with_glossary
from bench.results import Place, columns
from bench.words import Origin, Status

# What needs no explanation. A new heading has a term of the glossary, or a word is added here.
PLAIN = {
    "MHz", "actual", "all", "and", "best", "data", "done", "fastest", "images", "in", "name",
    "network", "of", "off", "predicted", "set", "share", "slowest", "that", "the", "time", "value",
    "which", "worst",
}  # fmt: skip
CLAIM = {
    "claim": "C9", "title": "title", "statement": "A core of LUTs & DSPs < 5.", "source": "paper",
    "networks": ["TFC"], "in_grid": True, "tolerance": "exact", "verdict": "partly",
    "reason": "as mapped",
    "evidence": [
        {"what": "w", "arithmetic": "1 < 2", "value": 1_562_500.0, "unit": "images/s",
         "origin": "mapped", "rows": []},
    ],
}  # fmt: skip


class Headings(HTMLParser):
    """Headings of columns, each with its explanation; and all explanations."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[tuple[str, str]] = []
        self.abbreviations: dict[str, str] = {}
        self._in_heading = self._in_group = False
        self._title = self._text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "th" and found.get("scope") in ("col", "colgroup"):
            self._in_heading, self._title, self._text = True, "", ""
        elif tag == "abbr":
            self._title = found["title"] or ""
            self._text = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "th" and self._in_heading:
            self._in_heading = False
            self.headings.append((self._text.strip(), self._title))
        elif tag == "abbr":
            self.abbreviations[self._text] = self._title

    def handle_data(self, data: str) -> None:
        self._text += data


class Read(HTMLParser):
    """What can be read on a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self._unseen = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in ("script", "style", "head")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in ("script", "style", "head")

    def handle_data(self, data: str) -> None:
        self.text += "" if self._unseen else f"{data}\n"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with all columns, also those that are there on request only."""
    folder = tmp_path_factory.mktemp("glossary")
    text = GRID.replace('board = "Pynq-Z1"', 'board = ["Pynq-Z1", "ZCU104"]')
    experiments = expand(load_grid(write_grid(folder, text)))
    resolver = resolver_on(folder / "store", MetricsRunner())
    execute(plan(experiments), resolver, 2, 2, lambda event: None)
    material = gathered(experiments, resolver)
    for column in columns(place=Place.PAGE):
        if material.results[column.name].isna().all():
            value = 7 if column.form.numeric else "seven"
            material.results[column.name] = pd.array([value] * len(experiments), dtype=object)
    about = About(Path("experiments/test.toml"), ())
    found = provenance_of(material, about, folder)
    times = {"stage": "train", "tasks": 2, "predicted_seconds": 100.0, "actual_seconds": 150.0}
    clock = times | {"stage": "on the clock", "from_earlier_runs": True}
    timing = [times | {"stage": "draft"}, times, clock]
    return page.render_page(material, [], found, about, [CLAIM], timing)


def unexplained(text: str) -> set[str]:
    """The words of `text` that are neither terms nor plain."""
    rest = text
    for found, _ in terms_in(text, common=True):
        rest = rest.replace(found[0], " ", 1)
    return set(re.findall(r"[A-Za-z][\w-]+", rest)) - PLAIN


def test_every_heading_of_the_page_is_explained_where_it_stands(rendered: str) -> None:
    found = Headings(rendered).headings
    assert len(found) > 40
    for text, title in found:
        assert not unexplained(text), text
        for _, term in terms_in(text, common=True):
            assert term.meaning in title or text == Origin.GIVEN, text


def test_headings_say_what_the_column_has(rendered: str) -> None:
    titles = [title for text, title in Headings(rendered).headings if text == "interval"]
    assert "Here: FINN's analytic model: the most cycles of a layer" in titles[0]
    assert "Here: cycles between two images in steady state." in titles[1]
    assert all("cycles between two images, once the pipeline is full" in title for title in titles)


def all_headings() -> Iterator[str]:
    for place in Place:
        for column in columns(place=place):
            yield from filter(None, (column.label, column.heading))
    for listed in (
        cells.SUMMARY,
        cells.spread(),
        (cells.DATASET,),
        fastest.table([], with_dataset=True)[1],
    ):
        yield from (each.heading for each in listed)


@pytest.mark.parametrize("text", [*sorted(set(all_headings())), *Status, *Origin])
def test_every_heading_on_a_terminal_and_in_markdown_is_in_the_glossary(text: str) -> None:
    assert not unexplained(text)


def test_the_page_lists_the_terms_that_it_explains(rendered: str) -> None:
    listed = rendered[rendered.index('<h2 id="words">') :]
    listed = listed[: listed.index("</section>")]
    assert '<a href="#words">Words</a>' in rendered
    explanations = " ".join(Headings(rendered).abbreviations.values())
    explained_there = [term for term in terms() if term.meaning in explanations]
    assert len(explained_there) > 30
    for term in explained_there:
        assert f"<dt>{term.name}<" in listed
    assert "<dt>golden output<" in listed, "the explanation of bit-exact says it"
    assert "<dt>executed<" not in listed, "no model was given"


def listed_words(page: str) -> set[str]:
    words = page[page.index('<dl class="words">') :]
    return set(re.findall(r"<dt>([^<]*)<", words[: words.index("</dl>")]))


def test_the_page_lists_every_term_that_it_uses(rendered: str) -> None:
    """Those of everyday language, too, and those that the list itself uses."""
    read = Read(rendered).text
    used = {term.name for _, term in terms_in(read, common=True)}
    assert {"core", "cycle", "seed", "training", "part", "given", "wrong"} <= used
    assert used <= listed_words(rendered)


def test_a_term_that_begins_a_sentence_is_one() -> None:
    page = "<p>It is so. Skipped is one, <b>Front</b> is.</p><script>failed</script>"
    assert {"skipped", "front"} <= listed_words(
        with_glossary(f'{page}<dl class="words">{GLOSSARY}</dl>')
    )
    page = f'<script>epoch</script><i title="seed">x</i><dl class="words">{GLOSSARY}</dl>'
    assert listed_words(with_glossary(page)) == set()


def test_stages_are_explained_where_their_times_are(rendered: str) -> None:
    found = Headings(rendered).abbreviations
    assert found["draft"] == "A stage: export the network untrained."
    assert {"draft", "train", "export"} <= listed_words(rendered)
    assert "synthesize" not in listed_words(rendered), "nothing was"


def test_sentences_have_terms_at_hand(rendered: str) -> None:
    found = Headings(rendered).abbreviations
    assert found["core of LUTs"].startswith("bench's own core that multiplies in LUTs")
    assert 'A <abbr title="bench&#x27;s own core' in rendered
    assert "</abbr> &amp; <abbr" in rendered
    assert "DSPs</abbr> &lt; 5." in rendered


def test_a_sentence_explains_a_term_once_and_stays_text() -> None:
    assert explained("<b> & no term") == "&lt;b&gt; &amp; no term"
    text = explained("LUTs of an MVAU, and LUTs")
    assert text.count("<abbr") == 2
    assert text.endswith("</abbr>, and LUTs")
    assert explained("LUTRAM") == "LUTRAM", "another word"
    assert "abbr" not in explained("the part of a point"), "words of everyday language"


def test_a_heading_says_its_terms_and_its_formula() -> None:
    assert heading("value") == "value"
    assert heading("value", "a < b") == '<abbr title="Here: a &lt; b.">value</abbr>'
    told = heading("LUT map.", "by Yosys")
    assert "Look-up table" in told
    assert "open synthesis of the RTL" in told
    assert told.endswith(' Here: by Yosys.">LUT map.</abbr>')


def test_terms_are_sentences_and_each_spelling_has_one_meaning() -> None:
    spellings = [spelling for term in terms() for spelling in term.spellings]
    assert len(spellings) == len(set(spellings))
    for term in (*terms(), *stage_terms()):
        assert term.meaning.endswith("."), term.name
        assert term.meaning[0].isupper() or term.meaning.startswith("bench"), term.name
        assert len(term.meaning) < 250, term.name
        assert not term.meaning.lower().startswith(f"{term.name.lower()} "), term.name


@pytest.mark.parametrize(
    "asked",
    ["shell", "folding", "PE", "SIMD", "II", "interval", "bottleneck", "mapped", "estimated",
     "error bar", "DMA", "pumped", "LUT core", "bit-exact", "FF", "would fit", "latency", "MVAU"],
)  # fmt: skip
def test_what_a_reader_asked_for_is_there(asked: str) -> None:
    assert [term for _, term in terms_in(asked, common=True)]


def test_the_page_of_the_documentation_is_up_to_date() -> None:
    tool = run_file(ROOT / "tools" / "glossary.py")
    assert tool.PAGE.read_text() == tool.render(), "run `python tools/glossary.py`"
