"""The fastest design that fits at each precision: the first thing that a report shows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bench import report
from bench.console.terminal import Terminal
from bench.report.fastest import SHOWN, fastest_designs, table
from bench.report.figures.fastest import fastest_figures
from bench.report.material import Material
from bench.report.write import write
from bench.results import columns, names

ROW: dict[str, Any] = dict.fromkeys(names(columns()))


def design(
    weights: int | None, folding: str, interval: float | None, **more: Any
) -> dict[str, Any]:
    row = ROW | {
        "network": "TFC", "dataset": "MNIST", "weight_bits": weights, "act_bits": weights,
        "seed": 1, "board": "Pynq-Z1", "folding": folding, "clock_mhz": 100.0, "status": "done",
        "experiment": f"w{weights}-{folding}", "accuracy": 0.96, "fits": True, "fits_by": "mapped",
        "ii_simulated": interval, "ii_measured": interval and max(interval, 128.0),
        "measured_on": interval and "emulated-board",
    }  # fmt: skip
    return row | more


ROWS = [
    design(8, "fastest", 256.0),
    design(2, "low", 4096.0),
    design(2, "fastest", 64.0),
    design(2, "max", 32.0, fits=False),
    design(4, "max", 64.0, fits=False),
]


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(ROW)).convert_dtypes()


def test_one_design_of_each_precision_the_fewest_bits_first() -> None:
    found = [(one.label, one.number, one.core, one.fits_by) for one in fastest_designs(ROWS)]
    assert found == [
        ("w2a2", 2, 1_562_500.0, "mapped"), ("w4a4", None, None, ""),
        ("w8a8", 0, 390_625.0, "mapped"),
    ]  # fmt: skip


def test_a_precision_without_a_fitting_design_keeps_its_accuracy_and_says_why() -> None:
    lacking = fastest_designs(ROWS)[1]
    assert (lacking.accuracy, lacking.why) == (0.96, "none of 1 fits (mapped)")


def test_data_sets_and_boards_are_apart() -> None:
    other = design(2, "low", 64.0, dataset="Fashion")
    rows = [*ROWS, other, design(2, "low", 9.0, board="ZCU104")]
    places = [(one.dataset, one.board, one.label) for one in fastest_designs(rows)]
    assert places[-2:] == [("Fashion", "Pynq-Z1", "w2a2"), ("MNIST", "ZCU104", "w2a2")]
    assert [cells.heading for cells in table(rows, with_dataset=True)[1]][1:3] == [
        "data set",
        "board",
    ]


def test_a_given_model_has_one_row_and_no_bits() -> None:
    rows = [design(None, "low", 64.0, seed=None, accuracy=None)]
    (line,), cells = table(rows, with_dataset=False)
    assert [column.text(line) for column in cells][:4] == [
        "as given",
        "low",
        "1,562,500",
        "781,250",
    ]


def test_results_md_and_the_terminal_begin_with_it(tmp_path: Any) -> None:
    text = write(frame(ROWS), "g", tmp_path)[1].read_text()
    assert "| w2a2 | fastest | 1,562,500 | 781,250 | 96.00% | mapped |" in text
    assert "| w4a4 | - |  |  | 96.00% | none of 1 fits (mapped) |" in text
    assert text.index("fastest that fits") < text.index("| data set |")
    console = Terminal(width=80)
    with console.capture() as captured:
        report.show(frame(ROWS), "g", console)
    assert captured.get().index("fastest that fits") < captured.get().index("II est.")


UNSURE = [design(8, "fastest", 256.0), design(2, "fastest", 64.0, may_exceed="lut 118%")]


def test_a_fit_that_the_error_bars_leave_open_is_said_in_the_first_table(tmp_path: Any) -> None:
    text = write(frame(UNSURE), "g", tmp_path)[1].read_text()
    assert "| 96.00% | mapped, may exceed |" in text
    assert "| 96.00% | mapped |" in text
    unfit = [design(2, "max", 32.0, fits=False, may_exceed="lut 180%")]
    assert "may exceed" not in write(frame(unfit), "g", tmp_path)[1].read_text()


def test_a_fit_that_the_error_bars_leave_open_is_said_with_the_first_figure() -> None:
    (figure,) = fastest_figures(Material("g", frame(UNSURE), frame([])))
    assert "at the upper end of the error bars w2a2 (lut 118%) may exceed it." in figure.seen
    assert "fits: mapped at 2 precisions" in figure.source
    assert figure.data is not None
    assert list(figure.data["may_exceed"].fillna("")) == ["lut 118%", ""]
    assert figure.draw is not None
    labels = [label.get_text() for label in figure.draw().axes[-1].get_xticklabels()]
    assert labels == ["w2a2\nfastest\nfits: mapped,\nmay exceed", "w8a8\nfastest\nfits: mapped"]


def test_of_many_precisions_the_terminal_shows_those_of_equal_widths() -> None:
    many = [design(w, "low", 64.0, act_bits=a) for w in range(2, 9) for a in range(2, 9)]
    assert len(many) > SHOWN
    console = Terminal(width=80)
    with console.capture() as captured:
        report.show(frame(many), "g", console)
    first = captured.get().split("II est.")[0]
    assert "w2a2" in first
    assert "w2a3" not in first
    assert "... and 42 precisions more, in results.md" in first


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        (ROWS, "That is 4.0 times in the core and 2.0 times with the DMA. "
         "No design at w4a4: none of 1 fits (mapped)."),
        (ROWS[4:], "No design at w4a4: none of 1 fits (mapped)."),
        (ROWS[:1], "w8a8 as 'fastest' with 390,625 images/s in the core"),
        ([design(2, "low", 64.0), design(4, "low", 64.0)], "As fast in the core at all of 2"),
        ([design(2, "low", None)], "No design at w2a2: 1 fit, and none has been simulated"),
    ],
)  # fmt: skip
def test_its_figure_is_the_first_and_says_what_is_seen(
    rows: list[dict[str, Any]], seen: str
) -> None:
    (figure,) = fastest_figures(Material("g", frame(rows), frame([])))
    assert seen in figure.seen
    assert figure.first
    assert (figure.draw is None) == (rows == ROWS[4:] or rows[0]["ii_simulated"] is None)


def test_the_figure_names_the_sources_of_fits() -> None:
    rows = [*ROWS, design(3, "low", 64.0, fits_by=None)]
    (figure,) = fastest_figures(Material("g", frame(rows), frame([])))
    assert "fits: mapped at 2 precisions and estimated at 1 precision" in figure.source
    assert figure.data is not None
    assert list(figure.data["why_none"].fillna("")) == ["", "", "none of 1 fits (mapped)", ""]
