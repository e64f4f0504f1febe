"""The fastest design that fits the part at each precision: what a report shows first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.cells import Cells, several
from bench.results import Row, precision
from bench.results.fastest import fastest_fitting, fits_told, may_exceed, source_of_fits, why_none
from bench.results.formats import NUMBER, PERCENT
from bench.results.rates import rate
from bench.results.rows import grouped
from bench.words import AS_GIVEN, Origin, Precision

# So many are shown on a terminal; results.md has them all.
SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Fastest:
    """The fastest design that fits at one precision, on one data set and board.

    Attributes:
        bits: None of a model that is given.
        number: Place of its row in the results; None where no design fits, and `why` says so.
        row: The same row.
        accuracy: Of the trained network, or of the model; None where there is none.
    """

    dataset: str
    board: str
    bits: Precision | None
    number: int | None
    row: Row | None
    why: str
    accuracy: float | None

    @property
    def label(self) -> str:
        """Its precision in words."""
        return AS_GIVEN if self.bits is None else self.bits.label

    @property
    def core(self) -> float | None:
        """Images per second of the core."""
        return rate(self.row, Origin.RTL_SIM) if self.row else None

    @property
    def system(self) -> float | None:
        """Images per second with the DMA, at the clock of the build."""
        return rate(self.row, Origin.MEASURED) if self.row else None

    @property
    def fits_by(self) -> str:
        """What says that it fits; empty where none does."""
        return str(source_of_fits(self.row)) if self.row else ""

    @property
    def fits(self) -> str:
        """The same, and whether its error bars leave that open; empty where none fits."""
        return fits_told(self.row) if self.row else ""

    @property
    def may_exceed(self) -> str | None:
        """Of which resources it takes more than there is at the upper end of its error bars."""
        return may_exceed(self.row) if self.row else None


def fastest_designs(rows: Sequence[Row]) -> list[Fastest]:
    """One for each data set, board and precision; the fewest bits first."""
    places = {id(row): place for place, row in enumerate(rows)}
    groups = grouped(rows, lambda row: (str(row["dataset"]), str(row["board"]), precision(row)))
    found = []
    for (dataset, board, bits), own in groups.items():
        row = fastest_fitting(own)
        known = [row] if row else [other for other in own if other["accuracy"] is not None]
        found.append(
            Fastest(
                dataset=dataset, board=board, bits=bits, row=row,
                number=places[id(row)] if row else None, why="" if row else why_none(own),
                accuracy=known[0]["accuracy"] if known else None,
            )
        )  # fmt: skip
    order = list(dict.fromkeys((one.dataset, one.board) for one in found))
    return sorted(
        found, key=lambda one: (order.index((one.dataset, one.board)), _place_of(one.bits))
    )


def _place_of(bits: Precision | None) -> tuple[bool, Precision]:
    return bits is not None, bits or Precision(0, 0)


def table(rows: Sequence[Row], *, with_dataset: bool) -> tuple[list[Row], tuple[Cells, ...]]:
    """The same for tables: a row for each, and the columns."""
    designs = fastest_designs(rows)
    plain: list[Row] = [
        {
            "dataset": one.dataset, "board": one.board, "bits": one.label,
            "alike": _alike(one.bits),
            "folding": str(one.row["folding"]) if one.row else "-",
            "core": NUMBER(one.core), "system": NUMBER(one.system),
            "accuracy": PERCENT(one.accuracy), "fits": one.fits or one.why,
        }
        for one in designs
    ]  # fmt: skip
    optional = [
        ("data set", "dataset") if with_dataset and several(plain, "dataset") else None,
        ("board", "board") if several(plain, "board") else None,
    ]
    shown = [pair for pair in optional if pair]
    return plain, (
        Cells(heading="fastest that fits", text=lambda row: str(row["bits"]), numeric=False),
        *(_cells(heading, key, numeric=False) for heading, key in shown),
        _cells("folding", "folding", numeric=False),
        _cells("fps core", "core"),
        _cells("fps meas.", "system"),
        _cells("accuracy", "accuracy"),
        _cells("fits by", "fits", numeric=False, wraps=True),
    )


def _alike(bits: Precision | None) -> bool:
    """Whether weights and activations have the same bits."""
    return bits is None or bits.weights == bits.activations


def _cells(heading: str, key: str, *, numeric: bool = True, wraps: bool = False) -> Cells:
    return Cells(heading=heading, text=lambda row: str(row[key]), numeric=numeric, wraps=wraps)
