"""Claims about the fastest design that fits, on rows that are made up."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bench import claims
from bench.claims import Verdict
from bench.claims.fastest import FastestClaim
from bench.results import columns, names
from bench.results.fastest import fastest_fitting, source_of_fits, why_none

ROW: dict[str, Any] = dict.fromkeys(names(columns()))
STATED = FastestClaim(
    judge="fastest", title="t", statement="s", source="us", networks=("TFC",), tolerance="6 %",
    why="because", full="a board", reference=(8, 8), factor=62.0, within=0.06,
    searched=("fastest",), arithmetic=((16, 2.0), (32, 8.0)),
)  # fmt: skip


def design(bits: int, folding: str, interval: float | None, **more: Any) -> dict[str, Any]:
    """A design that fits, its DMA bounded at 128 cycles."""
    row = ROW | {
        "network": "TFC", "dataset": "MNIST", "weight_bits": bits, "act_bits": bits, "seed": 1,
        "board": "Pynq-Z1", "folding": folding, "clock_mhz": 100.0, "status": "done",
        "experiment": f"w{bits}a{bits}-{folding}", "fits": True, "fits_by": "mapped",
        "ii_simulated": interval, "ii_measured": interval and max(interval, 128.0),
        "measured_on": interval and "emulated-board",
    }  # fmt: skip
    return row | more


def judge(*rows: dict[str, Any], **changes: Any) -> claims.Judgement:
    frame = pd.DataFrame(rows, columns=list(ROW)).convert_dtypes()
    claim = STATED.model_copy(update=changes)
    (judged,) = claims.judge({"C2": claim}, frame, frame[:0])
    return judged


def values(judged: claims.Judgement) -> dict[str, float | None]:
    return {piece.what.split(": ")[1]: piece.value for piece in judged.evidence}


PROOF = (
    design(2, "low", 4096.0),
    design(2, "fastest", 64.0),
    design(2, "max", 32.0, fits=False),
    design(4, "fastest", 128.0),
    design(8, "low", 4096.0),
    design(8, "fastest", 256.0),
)


def test_a_fit_that_the_error_bars_leave_open_is_said() -> None:
    assert "`fits` is mapped;" in judge(*PROOF).part.reason
    low = design(2, "fastest", 64.0, may_exceed="lut 118%")
    judged = judge(low, design(8, "fastest", 256.0))
    assert judged.verdict == Verdict.PARTLY
    assert (
        "`fits` is mapped, not certain at the upper end of the error bars: w2a2 lut 118%;"
        in judged.part.reason
    )


def test_the_fastest_that_fits_of_each_precision_is_compared_with_the_references() -> None:
    judged = judge(*PROOF)
    assert judged.verdict == Verdict.PARTLY
    assert values(judged) == {
        "w2a2 / w8a8, core": 4.0, "w4a4 / w8a8, core": 2.0,
        "w2a2 / w8a8, system with DMA": 2.0, "w4a4 / w8a8, system with DMA": 2.0,
        "w2a2 / 16 bits, core": 8.0, "w2a2 / 16 bits, system with DMA": 4.0,
        "w2a2 / 32 bits, core": 32.0, "w2a2 / 32 bits, system with DMA": 16.0,
    }  # fmt: skip
    assert {e.origin for e in judged.evidence if " bits," in e.what} == {"arithmetic"}
    assert "in the core: w2a2 4.0x, w4a4 2.0x" in judged.part.reason
    assert "`fits` is mapped" in judged.part.reason
    assert judged.evidence[0].rows == ("w2a2-fastest", "w8a8-fastest")


def test_only_a_real_board_that_shows_the_factor_reproduces_the_claim() -> None:
    board = {"measured_on": "board", "ii_measured": 128.0}
    low, reference = design(2, "fastest", 64.0, **board), design(8, "fastest", 256.0)
    assert judge(low, reference | board, factor=1.0).verdict == Verdict.REPRODUCED
    assert judge(low, reference | board | {"ii_measured": 256.0}).verdict == Verdict.PARTLY
    assert judge(low, reference, factor=2.0).verdict == Verdict.PARTLY
    on_two_kinds = judge(low, reference)
    assert set(values(on_two_kinds)) >= {"w2a2 / w8a8, core"}
    assert "w2a2 / w8a8, system with DMA" not in values(on_two_kinds)


def test_fewer_bits_that_are_no_faster_refute_the_claim() -> None:
    alike = [design(bits, "fastest", interval) for bits, interval in ((2, 250.0), (8, 256.0))]
    assert judge(*alike).verdict == Verdict.NOT_REPRODUCED
    assert judge(*alike, within=0.01).verdict == Verdict.PARTLY


def test_foldings_that_nobody_searched_for_are_shown_and_not_judged() -> None:
    judged = judge(design(2, "low", 4096.0), design(8, "low", 4096.0))
    assert judged.verdict == Verdict.NOT_TESTABLE
    assert values(judged)["w2a2 / w8a8, core"] == 1.0
    assert "not judged: no 'fastest' of w8a8 fits and was simulated" in judged.part.reason
    one = judge(design(2, "low", 4096.0), design(4, "fastest", 128.0), design(8, "fastest", 256.0))
    assert one.verdict == Verdict.PARTLY
    assert "1 precision not judged" in one.part.reason


def test_wrong_rows_are_never_used_and_a_precision_without_a_fitting_row_is_named() -> None:
    wrong = design(4, "max", 1.0, status="wrong", stopped_at="simulate")
    none = design(2, "fastest", 64.0, fits=False)
    judged = judge(none, wrong, design(4, "fastest", 128.0), design(8, "fastest", 256.0))
    assert values(judged)["w4a4 / w8a8, core"] == 2.0
    assert "w2a2: none of 1 fits (mapped)" in judged.part.reason


def test_without_a_reference_that_fits_there_is_nothing_to_compare_with() -> None:
    big = judge(design(2, "fastest", 64.0), design(8, "fastest", 256.0, fits=False))
    assert big.verdict == Verdict.NOT_TESTABLE
    assert "w8a8: none of 1 fits (mapped)" in big.part.reason
    assert "it is not in the grid" in judge(design(2, "fastest", 64.0)).part.reason


def test_mixed_precisions_that_are_not_lower_are_not_compared() -> None:
    other = design(2, "fastest", 64.0, act_bits=9)
    judged = judge(other, design(8, "fastest", 256.0))
    assert judged.verdict == Verdict.NOT_TESTABLE
    assert "no lower precision than w8a8" in judged.part.reason


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([design(2, "a", None)], "1 fit, and none has been simulated (1 done)"),
        ([design(2, "a", 64.0, fits=False, fits_by=None)], "none of 1 fits (estimated)"),
        ([design(2, "a", None, fits=None, status="failed", stopped_at="compile")],
         "none is known to fit (1 failed: compile)"),
    ],
)  # fmt: skip
def test_why_there_is_no_fastest_is_said(rows: list[dict[str, Any]], why: str) -> None:
    assert fastest_fitting(rows) is None
    assert why_none(rows) == why


def test_among_designs_as_fast_in_the_core_the_faster_with_its_dma_is_taken() -> None:
    rows = [design(2, "a", 64.0, ii_measured=None), design(2, "b", 64.0), design(2, "c", 64.0)]
    best = fastest_fitting(rows)
    assert best is rows[1]
    assert source_of_fits(rows[1]) == "mapped"
