"""Remarks on a table's numbers: ratios, partial estimates, reasons why points are not done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.console.text import counted
from bench.report.cells import name_of
from bench.report.ratios import throughput_ratios
from bench.results import PART, Column, Row, column, columns, refinements, state_label
from bench.results.fastest import may_exceed
from bench.results.formats import NUMBER
from bench.results.general import at_another_clock
from bench.results.rates import rate
from bench.results.rows import grouped
from bench.words import Origin, Status
from contract.finn.cores import LUT
from contract.finn.parts import NO_BOARD, told

Rows = Sequence[Row]
# So many rows are named in a remark.
NAMED = 12
HLS = "_hls"
"""In the names of kinds of layers of which there is no RTL to simulate."""
MODELLED = "search"
"""The metric of what the search's cost model expects."""


def notes(rows: Rows) -> list[str]:
    """The remarks on the numbers of designs that are done."""
    return [
        *reason_lines(rows, (Status.DONE,)),
        *clock_lines(rows),
        *tie_lines(rows),
        *label_lines(rows),
        *part_lines(rows),
        *core_lines(rows),
        *variant_lines(rows),
        *fit_lines(rows),
        *misfit_lines(rows),
        *model_lines(rows),
        *netlist_lines(rows),
    ]


def ratio_lines(rows: Rows) -> list[str]:
    """How much faster one folding is than another, a line for each training."""
    lines = []
    for ratio in throughput_ratios(rows):
        measured = "" if ratio.measured is None else f"; with the DMA: {ratio.measured:.1f}x"
        lines.append(
            f"{ratio.point}: '{ratio.fast}' is {ratio.core:.1f}x as fast as '{ratio.slow}' "
            f"(core{measured})"
        )
    return lines


def part_lines(rows: Rows) -> list[str]:
    """Which estimates of LUTs are a part, and of what, where nothing better is known."""
    return [
        f"{scoped.unit}, {len(parts):,} of {counted(len(rows), 'row')}: a part, as the estimate "
        f"charges {layers} none; `fits` counts what it charges."
        for scoped in columns()
        if scoped.scope is not None
        for layers, parts in grouped(
            (row for row in rows if row[str(scoped.scope)] == PART and not _is_better(row, scoped)),
            lambda row: row["lut_uncharged"],
        ).items()
    ]


def core_lines(rows: Rows) -> list[str]:
    """Which designs multiply in a core that is none of the compiler's."""
    name = name_of(rows, with_dataset=True)
    others = [row for row in rows if LUT in str(row["cores"]).split()]
    groups = grouped(others, lambda row: row["cores"])
    return [
        f"cores {cores}, {counted(len(own), 'row')}, such as {name(own[0])}: {LUT} is bench's own "
        "core of LUTs, simulated in the place of the compiler's core of DSP slices; the estimates "
        "are of the layer of LUTs that the compiler would build for the board."
        for cores, own in groups.items()
    ]


def variant_lines(rows: Rows) -> list[str]:
    """Which designs have estimates of other layers than those that are simulated and mapped.

    Those of `core_lines` are told of there.
    """
    name = name_of(rows, with_dataset=True)
    (mapped, *_) = refinements(column("lut"))
    others = [
        row
        for row in rows
        if row[mapped.name] is not None
        and HLS in str(row["matrix_layers"])
        and LUT not in str(row["cores"]).split()
    ]
    return [
        f"estimates, {counted(len(own), 'row')}, such as {name(own[0])}: of {layers}, which the "
        "compiler would build for the board; the mapped figures are of the RTL that is simulated "
        "in their place, so the two are of different layers."
        for layers, own in grouped(others, lambda row: row["matrix_layers"]).items()
    ]


def fit_lines(rows: Rows) -> list[str]:
    """Which designs fit as mapped, and might not by the error bars of what was mapped."""
    name = name_of(rows, with_dataset=True)
    unsure = [f"{name(row)} {exceeds}" for row in rows if (exceeds := may_exceed(row))]
    if not unsure:
        return []
    return [
        f"fits, {counted(len(unsure), 'row')}: yes as mapped, not for certain: at the upper end of "
        f"the error bars more of the part is taken than there is: {_first(unsure)}."
    ]


def _first(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more, in results.csv" if more > 0 else "")


def misfit_lines(rows: Rows) -> list[str]:
    """Which boards the designs would fit that do not fit theirs, a line for each answer."""
    name = name_of(rows, with_dataset=True)
    misfits = [row for row in rows if row["would_fit"]]
    lines = []
    for would, own in grouped(misfits, lambda row: str(row["would_fit"])).items():
        boards = [] if would == NO_BOARD else would.split(", ")
        several = "it" if len(own) == 1 else "each"
        first = _first([name(row) for row in own])
        lines.append(f"fits NO, {first}: by the same figures, {several} would fit {told(boards)}.")
    return lines


def model_lines(rows: Rows) -> list[str]:
    """How far the search's cost model was from what was mapped, over all designs that it found."""
    pairs = [(c, column(c.refined_by)) for c in columns() if c.key == MODELLED and c.refined_by]
    known = [row for row in rows if all(row[c.name] is not None for pair in pairs for c in pair)]
    if not known or not pairs:
        return []
    off = ", ".join(
        f"{modelled.unit} {_off([(row[modelled.name], row[mapped.name]) for row in known])}"
        for modelled, mapped in pairs
    )
    first, second = pairs[0]
    such_as = name_of(rows, with_dataset=True)(known[0])
    return [
        f"cost model, {counted(len(known), 'row')}, such as {such_as}: what the search expected "
        f"({first.name} and so on, in results.csv) against what is mapped "
        f"({second.name} and so on): {off}."
    ]


def _off(pairs: Sequence[tuple[int, int]]) -> str:
    """Such as `-5% to +3%`, `as many`; a count where there is nothing to take a share of."""
    if all(expected == found for expected, found in pairs):
        return "as many"
    if not all(found for _, found in pairs):
        differences = [int(expected - found) for expected, found in pairs]
        low, high = (f"{end:+,}" for end in (min(differences), max(differences)))
    else:
        shares = [expected / found - 1 for expected, found in pairs]
        low, high = (f"{end:+.0%}" for end in (min(shares), max(shares)))
    return low if low == high else f"{low} to {high}"


def netlist_lines(rows: Rows) -> list[str]:
    """What became of the mapped netlists that were simulated."""
    name = name_of(rows, with_dataset=True)
    return [
        f"{name(row)}: mapped netlists equal to the RTL in every cycle: {row['netlist']}."
        for row in rows
        if row["netlist"]
    ]


def _is_better(row: Row, estimate: Column) -> bool:
    """Whether there is a number from a better source."""
    return any(row[better.name] is not None for better in refinements(estimate))


def tie_lines(rows: Rows) -> list[str]:
    """Which correct designs say something else of some images than the reference, by ties."""
    name = name_of(rows, with_dataset=True)
    return [
        f"{name(row)}: {_ties(row[ties], row)} {another}, each by a tie: a value on a rounding "
        f"boundary, which {reference} rounds to the even step and the design's thresholds (>=) to "
        "the upper one."
        for row in rows
        for ties, reference, another in (
            ("torch_ties", "torch", "of another class than in torch"),
            ("model_ties", "the model", "another to the design than to the model"),
        )
        if row[ties] and row["status"] == Status.DONE
    ]


def _ties(count: int, row: Row) -> str:
    images = counted(row["sim_images"], "image")
    return counted(count, f"of {images} is", f"of {images} are")


def label_lines(rows: Rows) -> list[str]:
    """What stands for accuracy where no label says what is right."""
    compared = [row for row in rows if row["agreeing_with_model"] is not None]
    if not compared or any(row["accuracy"] is not None for row in rows):
        return []
    return [
        "The images have no labels that say what is right, so there is no accuracy; `as model` is "
        "the agreement with the model itself: images of which the design says what it does."
    ]


def clock_lines(rows: Rows) -> list[str]:
    """Which measurements were at another clock than the build's, and the rates at the latter."""
    name = name_of(rows, with_dataset=True)
    return [
        f"{name(row)}: built for {row['clock_mhz']:g} MHz, measured at "
        f"{row['clock_measured_mhz']:g} MHz: {NUMBER(row['fps_measured'])} images/s, which at "
        f"{row['clock_mhz']:g} MHz would be {NUMBER(rate(row, Origin.MEASURED))}. "
        "Ratios and figures compare at the clock of the build."
        for row in rows
        if at_another_clock(row) and row["ii_measured"]
    ]


def reason_lines(rows: Rows, statuses: Sequence[Status]) -> list[str]:
    """Why points are not done; each reason once, with how many it stops.

    Args:
        rows: One per experiment.
        statuses: Only rows that have one of them.
    """
    name = name_of(rows, with_dataset=True)
    chosen = (row for row in rows if row["reason"] and row["status"] in statuses)
    groups = grouped(chosen, lambda row: (state_label(row), row["reason"]))
    return [
        f"{len(stopped)} x {state}, such as {name(stopped[0])}: {reason}"
        for (state, reason), stopped in groups.items()
    ]


def synthesis_lines(rows: Rows) -> list[str]:
    """How many bitstreams were built, and why others were not."""
    ends = Counter((row["synthesis"], row["synthesis_reason"]) for row in rows if row["synthesis"])
    return [
        f"bitstreams: {count} {status}{f': {reason}' if reason else ''}"
        for (status, reason), count in ends.most_common()
    ]
