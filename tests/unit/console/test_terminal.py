"""The terminal: text is shown as it is, whoever wrote it."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path

import pytest
from rich.padding import Padding
from rich.table import Table

from bench.console import terminal
from bench.console.terminal import Terminal, say, styled
from bench.console.text import (
    counted,
    duration_text,
    exact_text,
    excerpt,
    memory_text,
    number_text,
    printable,
    size_text,
    with_short_lines,
)
from bench.paths import ROOT

NASTY = [
    "[red]x[/]",
    "[/]",
    "[link=http://x]y",
    "a\\",
    "\\[bold]",
    "[[x]]\\",
    ":smile:",
    "C:\\[d]\\",
]
CONTROL = "\x1b[2J\x07\r\x9b\u202e\udcff"
ESCAPED = "\\u001b[2J\\u0007\\u000d\\u009b\\u202e\\udcff"


def shown(*printed: object) -> str:
    console = Terminal(file=io.StringIO(), width=120)
    console.print(*printed)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("text", [*NASTY, CONTROL])
def test_text_stays_text_wherever_it_is_printed(text: str) -> None:
    expected = ESCAPED if text == CONTROL else text
    table = Table(title=text)
    table.add_column(text)
    table.add_row(text)
    table.add_row(styled("[bold]{}[/]", text))
    assert shown(text).rstrip("\n") == expected
    assert shown(Padding(text, 1)).strip() == expected
    assert shown(table).count(expected) == 4
    styles = styled("[red]{0}[/] {0}x [dim]{name}[/]", text, name=text)
    assert styles.plain == f"{expected} {expected}x {expected}"
    assert [str(span.style) for span in styles.spans] == ["red", "dim"]


def test_styles_of_what_fills_a_template_are_kept() -> None:
    inner = styled("[green]done[/]")
    text = styled("[bold]{:>6} {}[/], {:.1f}", "a", inner, 2.25)
    assert text.plain == "     a done, 2.2"
    assert {str(span.style) for span in text.spans} == {"bold", "green"}
    assert text.end == "\n"


def test_lines_without_colour(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{NASTY[0]} {CONTROL}\nsecond\tline")
    assert capsys.readouterr().out == f"{NASTY[0]} {ESCAPED}\nsecond\tline\n"


def test_excerpts_are_one_short_line() -> None:
    assert excerpt("<html>\r\n <b>\x1b[31m") == "<html> <b>\\u001b[31m"
    assert len(excerpt("x" * 10_000, 50)) == 50
    assert with_short_lines("a\n" + "b" * 30, 10) == "a\nbbbbbbb..."
    assert printable("naïve 漢字\u00a0x") == "naïve 漢字\u00a0x"


def test_nothing_is_printed_in_any_other_way() -> None:
    for path in (ROOT / "bench").rglob("*.py"):
        if path != Path(terminal.__file__):
            for node in ast.walk(ast.parse(path.read_text())):
                assert not offence(node), f"{path}, line {node.lineno}"  # type: ignore[attr-defined]


def offence(node: ast.AST) -> bool:
    """Whether it prints past `bench.console.terminal`, or lets text be taken for markup."""
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names}
        return node.module == "rich.markup" or (
            node.module == "rich.console" and "Console" in names
        )
    if not isinstance(node, ast.Call):
        return False
    markup = [ast.unparse(one.value) for one in node.keywords if one.arg == "markup"]
    last = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if last not in ("styled", "TextColumn", "echo", "secho", "print", "from_markup"):
        return bool(markup)
    name = ast.unparse(node.func)
    if name == "styled":
        return not isinstance(node.args[0], ast.Constant)
    if name == "TextColumn":  # all other things of rich's are told by their console
        return markup != ["False"]
    return name in ("click.echo", "click.secho", "print", "Text.from_markup") or bool(markup)


@pytest.mark.parametrize(
    "source",
    [
        "from rich.console import Console",
        "from rich.markup import escape",
        "click.echo(text)",
        "Text.from_markup(text)",
        "console.print(text, markup=True)",
        "TextColumn('{task.description}')",
        "styled(f'[red]{text}[/]')",
    ],
)
def test_other_ways_are_seen(source: str) -> None:
    assert any(offence(node) for node in ast.walk(ast.parse(source)))


def test_counts_are_in_the_grammar_of_their_number() -> None:
    assert [counted(number, "task") for number in (0, 1, 2, 1000)] == [
        "0 tasks",
        "1 task",
        "2 tasks",
        "1,000 tasks",
    ]
    assert counted(1, "thing is", "things are") == "1 thing is"
    assert counted(3, "thing is", "things are") == "3 things are"
    assert counted("1", "processor") == "1 processor"
    assert counted("unknown", "processor") == "unknown processors"


def test_commands_count_by_the_one_helper() -> None:
    bare = re.compile(
        r"\{(?:len\([^{}]*\)|summary\.count\([^{}]*\)|(?:checked|found|event)\.\w+)(?::,)?\} "
        r"(?:artifact|checksum|column|experiment|file|manifest|row|run|stage|task|thing|value)s\b"
    )
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for folder in ("commands", "archive", "provenance")
        for path in sorted((ROOT / "bench" / folder).rglob("*.py"))
        for match in bare.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize(
    ("size", "disk", "memory"),
    [
        (400_000, "0.4 MB", "0.000373 GiB"),
        (12_300_000, "12 MB", "0.0115 GiB"),
        (1_300_000_000, "1.3 GB", "1.21 GiB"),
        (6 << 30, "6.4 GB", "6 GiB"),
    ],
)
def test_bytes(size: int, disk: str, memory: str) -> None:
    assert (size_text(size), memory_text(size)) == (disk, memory)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"), (3.46, "3.46"), (64.0, "64"), (99.96, "100"), (390_625.4, "390,625"),
        (3_120_000, "3,120,000"), (-0.8634, "-0.863"), (1_234_567_890.0, "1,234,567,890"),
    ],
)  # fmt: skip
def test_numbers_are_written_in_full(value: float, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(28_901_376, "28,901,376"), (78.125, "78.125"), (64.0, "64")]
)
def test_equations_have_all_digits(value: float, text: str) -> None:
    assert exact_text(value) == text


def test_numbers_of_people_are_written_in_one_place() -> None:
    """Not shortened, and not whole in one table and with a decimal in the next."""
    own = re.compile(r"[^{}]\} ?[kM]\b(?!i?B)|/ 1e[36]:|:[^{}]*[fg]\} images/s")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for folder in ("report", "claims", "flows", "session", "results")
        for path in sorted((ROOT / "bench" / folder).rglob("*.py"))
        for match in own.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.7, "1 min 0 s"),
        (125.4, "2 min 5 s"),
        (12_000, "3 h 20 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize("columns", ["0", "", "abc", "-5"])
def test_a_width_that_is_none_shows_everything(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    file = io.StringIO()
    Terminal(file=file).print("all of it")
    assert file.getvalue() == "all of it\n"


def test_a_line_is_folded_between_words_on_a_terminal_alone() -> None:
    text = " ".join(["words"] * 30)
    for on_terminal in (True, False):
        file = io.StringIO()
        console = Terminal(
            file=file, width=80, force_terminal=on_terminal, color_system=None, legacy_windows=False
        )
        console.one_line(text)
        lines = file.getvalue().splitlines()
        assert all(set(line.split()) == {"words"} for line in lines)
        assert (max(map(len, lines)) <= 80) == on_terminal
        assert (len(lines) == 1) != on_terminal
