"""Tables that fit the console: nothing is cut off, and no number or word is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rich import box
from rich.cells import cell_len
from rich.table import Table as Drawn
from rich.text import Text

from bench.console.terminal import Terminal
from bench.console.text import printable

Cell = str | Text
# Blanks around a column: one on its left, and one after the last.
_GAP = 1
_NARROWEST = 4
_WORD = re.compile(r"\S+")
# A word, or a part of it that begins with underscores.
_PIECE = re.compile(r"_*[^\s_]+|_+")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        heading: Over it.
        numeric: Whether it is aligned as numbers.
        wraps: Whether its cells may be broken between words, and long names before an underscore.
        most: So wide at most, where it wraps; None: as wide as its cells.
        names: Whether it names the rows, as the first one does, and is in every part of the table.
        once: Whether a value that all rows have is said beside the table, where that makes room.
        group: Columns of one group stay together where the table has to be split.
    """

    heading: str
    numeric: bool = False
    wraps: bool = False
    most: int | None = None
    names: bool = False
    once: bool = False
    group: str = ""


@dataclass(frozen=True)
class _Line:
    cells: tuple[Text, ...]
    is_headline: bool = False
    ends_section: bool = False


@dataclass
class Table:
    """Rows under columns, of which the first names the rows."""

    columns: Sequence[Column]
    _lines: list[_Line] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        """Add a row; the cells that are left out are empty."""
        given = [_text(cell) for cell in cells]
        given += [Text() for _ in self.columns[len(given) :]]
        self._lines.append(_Line(tuple(given)))

    def add_headline(self, text: Cell) -> None:
        """Add a line above rows that says what they are of."""
        rest = (Text() for _ in self.columns[1:])
        self._lines.append(_Line((_text(text), *rest), is_headline=True))

    def end_section(self) -> None:
        """Draw a rule below the last row, if there is one."""
        if self._lines:
            self._lines[-1] = replace(self._lines[-1], ends_section=True)

    @property
    def is_empty(self) -> bool:
        """Whether it has no rows."""
        return not self._lines

    def show(self, console: Terminal) -> None:
        """Print it, as several tables where one is wider than the console.

        First, values that all rows have are said once; then text wraps; then it is split.
        """
        shown = list(range(len(self.columns)))
        said: list[str] = []
        if self._width(shown) > console.width:
            constant = self._constant()
            said = [f"{self.columns[nth].heading} {value}" for nth, value in constant.items()]
            shown = [nth for nth in shown if nth not in constant]
        for chosen in self._parts(shown, console.width):
            console.print(self._drawn(chosen, console.width))
        if said:
            rows = sum(not line.is_headline for line in self._lines)
            console.print(", ".join(said) + (", in every row" if rows > 1 else ""))

    def _constant(self) -> dict[int, str]:
        """What all rows have in columns of which that may be said once."""
        rows = [line.cells for line in self._lines if not line.is_headline]
        values = {
            nth: {row[nth].plain for row in rows}
            for nth, column in enumerate(self.columns)
            if column.once and nth
        }
        alike = {nth: next(iter(own)) for nth, own in values.items() if len(own) == 1}
        return {nth: value for nth, value in alike.items() if value}

    def _width(self, chosen: Sequence[int]) -> int:
        return _total([self._natural(nth) for nth in chosen])

    def _natural(self, nth: int) -> int:
        """Of a column in which nothing is broken, but where it would be too wide."""
        most = self.columns[nth].most
        return self._widest(nth) if most is None else min(self._widest(nth), most)

    def _least(self, nth: int) -> int:
        """Of a column that is broken between words, into some two lines."""
        if not self.columns[nth].wraps:
            return self._widest(nth)
        pieces = (piece for text in self._texts(nth) for piece in _PIECE.findall(text))
        return max((self._natural(nth) + 1) // 2, *map(cell_len, pieces))

    def _widest(self, nth: int) -> int:
        return max(cell_len(line) for text in self._texts(nth) for line in text.split("\n"))

    def _texts(self, nth: int) -> Iterator[str]:
        yield self.columns[nth].heading
        yield from (line.cells[nth].plain for line in self._lines)

    def _parts(self, shown: Sequence[int], width: int) -> Iterator[list[int]]:
        """The columns of each table into which it is split, none wider than `width` if possible.

        What names the rows is in every table. A group that fits into one table is not divided.
        """
        names = [nth for nth in shown if nth == shown[0] or self.columns[nth].names]
        parts = [list(names)]
        for group in self._groups([nth for nth in shown if nth not in names]):
            whole = self._fits([*names, *group], width)
            for piece in [group] if whole else [[nth] for nth in group]:
                place = next((part for part in parts if self._fits([*part, *piece], width)), None)
                if place is not None:
                    place += piece
                elif parts == [names]:
                    parts[0] += piece
                else:
                    parts.append([*names, *piece])
        yield from (sorted(part) for part in parts)

    def _groups(self, chosen: Sequence[int]) -> list[list[int]]:
        """Neighbouring columns of one group; those of none stand alone."""
        groups: list[list[int]] = []
        for nth in chosen:
            group = self.columns[nth].group
            if groups and group and self.columns[groups[-1][-1]].group == group:
                groups[-1].append(nth)
            else:
                groups.append([nth])
        return groups

    def _fits(self, chosen: Sequence[int], width: int) -> bool:
        return _total([self._least(nth) for nth in chosen]) <= width

    def _drawn(self, chosen: Sequence[int], width: int) -> Drawn:
        drawn = Drawn(box=box.SIMPLE_HEAD, padding=0)
        widths = self._widths(chosen, width)
        for nth, own in zip(chosen, widths, strict=True):
            column = self.columns[nth]
            drawn.add_column(
                column.heading, justify="right" if column.numeric else "left",
                width=own, overflow="fold", no_wrap=not (column.wraps or nth == chosen[0]),
            )  # fmt: skip
        for line in self._lines:
            cells = (
                _broken(line.cells[nth], own) if self.columns[nth].wraps else line.cells[nth]
                for nth, own in zip(chosen, widths, strict=True)
            )
            drawn.add_row(*cells, end_section=line.ends_section)
        return drawn

    def _widths(self, chosen: Sequence[int], width: int) -> list[int]:
        """As wide as the cells, the widest of those that wrap narrower where there is no room."""
        widths = {nth: self._natural(nth) for nth in chosen}
        least = {nth: self._least(nth) for nth in chosen}
        while _total(list(widths.values())) > width:
            spare = [nth for nth in chosen if widths[nth] > least[nth]]
            if not spare:  # a name that is wider than all that is left breaks anywhere
                over = _total(list(widths.values())) - width
                widths[chosen[0]] = max(widths[chosen[0]] - over, _NARROWEST)
                break
            widths[max(spare, key=widths.__getitem__)] -= 1
        return list(widths.values())


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(printable(cell))


def _broken(cell: Text, width: int) -> Text:
    """`cell` with words that are too wide broken before an underscore."""
    cuts = []
    for word in _WORD.finditer(cell.plain):
        start = word.start()
        for piece in _PIECE.finditer(word[0]):
            end = word.start() + piece.end()
            if cell_len(cell.plain[start:end]) > width:
                start = word.start() + piece.start()
                cuts.append(start)
    return Text("\n").join(cell.divide(cuts)) if cuts else cell


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) + 1)
