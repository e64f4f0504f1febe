"""Tables: whole at every width, split where they have to be, said once where that is shorter."""

from __future__ import annotations

import ast
import io

import pytest
from rich.text import Text

from bench.console.tables import Column, Table
from bench.console.terminal import Terminal
from bench.paths import ROOT

# Progress is drawn again all the time.
OTHERS = {"bench/console/progress.py"}


def shown(table: Table, width: int) -> list[str]:
    file = io.StringIO()
    table.show(Terminal(file=file, width=width))
    lines = [line.rstrip() for line in file.getvalue().splitlines() if line.strip()]
    assert max(map(len, lines)) <= width
    return lines


def numbers(*headings: str, group: str = "") -> list[Column]:
    return [Column(heading=heading, numeric=True, group=group) for heading in headings]


def test_a_table_that_fits_stays_one() -> None:
    table = Table([Column(heading="name"), Column(heading="on", once=True), *numbers("count")])
    table.add("w2a2", "board", "1,562,500")
    assert shown(table, 40)[0].split() == ["name", "on", "count"]
    assert shown(table, 40)[-1].split() == ["w2a2", "board", "1,562,500"]


def test_text_wraps_between_words_before_a_table_is_split() -> None:
    table = Table([Column(heading="name", wraps=True), *numbers("first", "second")])
    table.add("TFC w2a2 on MNIST", "1,562,500", "781,250")
    lines = shown(table, 30)
    assert [line.split() for line in lines if "─" not in line] == [
        ["name", "first", "second"], ["TFC", "w2a2", "1,562,500", "781,250"], ["on", "MNIST"],
    ]  # fmt: skip


def test_what_all_rows_have_is_said_once_where_there_is_no_room() -> None:
    columns = [Column(heading="name"), Column(heading="measured on", once=True)]
    table = Table([*columns, *numbers("count")])
    table.add_headline("MNIST")
    table.add("w2a2", "emulated-board", "1")
    table.add("w4a4", "emulated-board", "2")
    assert " ".join(shown(table, 25)).endswith("measured on emulated-board, in every row")
    assert " ".join(shown(table, 25)).count("emulated-board") == 1
    table.add("w8a8", "board", "3")
    assert "in every row" not in " ".join(shown(table, 25)), "they differ"
    assert "emulated-board" in " ".join(shown(table, 25))


def test_nothing_is_said_of_cells_that_are_empty() -> None:
    table = Table([Column(heading="a long name"), Column(heading="measured on", once=True)])
    table.add("w2a2")
    assert shown(table, 24)[-1].strip() == "w2a2"
    assert "measured on" in " ".join(shown(table, 24))


def test_a_group_is_not_divided_where_it_has_a_table_to_itself() -> None:
    columns = [Column(heading="name"), *numbers("a", "b", group="1"), *numbers("c", "d", group="2")]
    table = Table([*columns, *numbers("e")])
    table.add("row", *("1,000,000" for _ in range(5)))
    headings = [line.split() for line in shown(table, 40) if "name" in line]
    assert headings == [["name", "a", "b", "e"], ["name", "c", "d"]]
    headings = [line.split() for line in shown(table, 26) if "name" in line]
    assert headings == [["name", "a", "b"], ["name", "c", "d"], ["name", "e"]]


def test_every_part_names_its_rows() -> None:
    columns = [Column(heading="name"), Column(heading="board", names=True, once=True)]
    table = Table([*columns, *numbers("a", "b")])
    table.add("row", "Pynq-Z1", "1,000,000", "2,000,000")
    table.add("row", "ZCU104", "1,000,000", "2,000,000")
    lines = shown(table, 26)
    assert sum(line.split()[:2] == ["row", "Pynq-Z1"] for line in lines) == 2
    assert sum(line.split()[:2] == ["row", "ZCU104"] for line in lines) == 2


def test_a_long_name_breaks_before_an_underscore() -> None:
    table = Table([Column(heading="layer", wraps=True), *numbers("cycles")])
    table.add(Text("StreamingDataWidthConverter_rtl_0", "bold"), "28,901,376")
    lines = [line.split() for line in shown(table, 40)]
    assert ["StreamingDataWidthConverter", "28,901,376"] in lines
    assert ["_rtl_0"] in lines


@pytest.mark.parametrize("width", [10, 20, 30])
def test_a_name_wider_than_the_console_is_whole(width: int) -> None:
    table = Table([Column(heading="name"), *numbers("count")])
    table.add("f" * 50, "12")
    text = "".join(line.strip() for line in shown(table, width))
    assert text.count("f") == 50
    assert "12" in text


def test_rules_and_control_characters() -> None:
    table = Table([Column(heading="name")])
    table.end_section()
    assert table.is_empty
    table.add("\x1b[2Jrow")
    table.end_section()
    table.add("total")
    lines = shown(table, 40)
    assert "\\u001b[2Jrow" in lines[2]
    assert lines[-1].strip() == "total"


def test_no_other_module_draws_tables() -> None:
    drawing = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "bench").rglob("*.py")
        if b"rich.table" in path.read_bytes()
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ImportFrom) and node.module == "rich.table"
    }
    assert drawing == OTHERS | {"bench/console/tables.py"}
