"""Claims: each verdict from numbers that are made up for it; what cannot be judged is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench import claims
from bench.claims import Verdict
from bench.claims.accuracy import AccuracyClaim
from bench.claims.fastest import FastestClaim
from bench.claims.resources import ResourceClaim
from bench.claims.throughput import ThroughputClaim
from bench.console.terminal import Terminal
from bench.errors import StoreError
from bench.grids.grid import CLAIMS_FILE
from bench.paths import ROOT
from bench.results import columns, names

STATED = claims.load_claims(ROOT / "experiments" / CLAIMS_FILE)
HLS = {"matrix_layers": "4 MVAU_hls", "lut_scope": "all layers"}
RTL = {"matrix_layers": "4 MVAU_rtl", "lut_scope": "part", "lut_uncharged": "4 MVAU_rtl"}
ROW: dict[str, Any] = dict.fromkeys(names(columns()))
"""A row in which nothing is known."""


def training(bits: int | str, accuracy: float | None, **more: Any) -> dict[str, Any]:
    """A made-up row of trainings.csv."""
    row = ROW | {
        "network": "TFC", "dataset": "MNIST", "weight_bits": bits, "act_bits": bits, "seed": 1,
        "epochs": 40, "test_images": 10_000, "accuracy": accuracy, "status": "done", **more,
    }  # fmt: skip
    name = f"tfc-{row['dataset']}-w{row['weight_bits']}a{row['act_bits']}-s{row['seed']}"
    return row | {"experiment": name.lower()}


def design(bits: int, folding: str, **more: Any) -> dict[str, Any]:
    """A made-up row of results.csv."""
    row = ROW | {
        "network": "TFC", "dataset": "MNIST", "weight_bits": bits, "act_bits": bits, "seed": 1,
        "board": "Pynq-Z1", "folding": folding, "clock_mhz": 100.0, "status": "done", **more,
    }  # fmt: skip
    name = f"tfc-{row['dataset']}-w{row['weight_bits']}a{row['act_bits']}-s{row['seed']}-{folding}"
    return row | {"experiment": name.lower()}


def timed(folding: str, core: int, system: int, on: str = "emulated-board") -> dict[str, Any]:
    """A made-up design with its intervals in cycles."""
    return design(
        2, folding, ii_estimated=core, ii_simulated=float(core), fps_core=1e8 / core,
        ii_measured=float(system), fps_measured=1e8 / system, measured_on=on, fits=True,
    )  # fmt: skip


def judge(name: str, rows: list[dict[str, Any]], **changes: Any) -> claims.Judgement:
    claim: claims.Claim = STATED[name].model_copy(update=changes)
    frame = pd.DataFrame(rows, columns=list(ROW)).convert_dtypes()
    results, trainings = (frame[:0], frame) if name == "C1" else (frame, frame[:0])
    (judgement,) = claims.judge({name: claim}, results, trainings)
    return judgement


def c1(*rows: dict[str, Any], **changes: Any) -> claims.Judgement:
    return judge("C1", list(rows), **changes)


def test_the_projects_own_claims_are_the_papers_three() -> None:
    kinds = {name: type(claim) for name, claim in STATED.items()}
    assert kinds == {
        "C1": AccuracyClaim, "C2": FastestClaim, "C2f": ThroughputClaim,
        "C3": ResourceClaim,
    }  # fmt: skip


def test_accuracy_within_chance_is_reproduced_and_beyond_it_is_not() -> None:
    alike = c1(training(8, 0.97), training(2, 0.969), training(4, 0.975))
    assert alike.verdict == Verdict.REPRODUCED
    assert [round(e.value or 0, 2) for e in alike.evidence] == [-0.1, 0.5]
    worse = c1(training(8, 0.97), training(2, 0.96), training(4, 0.95))
    assert worse.verdict == Verdict.NOT_REPRODUCED
    assert "further below (points): w2a2 (-1.00), w4a4 (-2.00)" in worse.part.reason
    mixed = c1(training(8, 0.97), training(2, 0.96), training(4, 0.97))
    assert mixed.verdict == Verdict.PARTLY
    assert mixed.evidence[0].rows == ("tfc-mnist-w2a2-s1", "tfc-mnist-w8a8-s1")


def test_the_tolerance_of_accuracy_is_the_stated_standard_error() -> None:
    few = {"test_images": 900}
    rows = [training(bits, 0.9, **few) for bits in (8, 4)]
    judged = c1(*rows, training_std=0.0, standard_errors=2.0)
    # sqrt(2 x 0.9 x 0.1 / 900) = 1.414 %, twice that is 2.83 %.
    assert "allowed -2 x 1.41 = -2.83: within" in judged.evidence[0].arithmetic


def test_accuracy_over_an_unknown_number_of_images_is_not_testable() -> None:
    rows = [training(bits, 0.9, test_images=None) for bits in (8, 4)]
    judged = c1(*rows)
    assert judged.verdict == Verdict.NOT_TESTABLE
    assert "TFC on MNIST, 40 epochs: it is not known how many images" in judged.part.reason


def test_several_seeds_bring_their_own_spread() -> None:
    seeds = [
        training(b, 0.97 + 0.01 * s * (b == 4), seed=s, test_images=10**9)
        for b in (8, 4)
        for s in (-1, 0, 1)
    ]
    judged = c1(*seeds, training_std=0.5, standard_errors=1.0)
    # Of w4a4: a standard deviation of 1 point over sqrt(3) seeds; of w8a8: none.
    assert "(means of 3 seeds); allowed -1 x 0.58 = -0.58" in judged.evidence[0].arithmetic
    assert len(judged.evidence[0].rows) == 6


def test_too_little_training_neither_proves_nor_refutes_accuracy() -> None:
    alike = c1(training(8, 0.97, epochs=6), training(4, 0.97, epochs=6))
    worse = c1(training(8, 0.97, epochs=6), training(4, 0.9, epochs=6))
    assert (alike.verdict, worse.verdict) == (Verdict.PARTLY, Verdict.NOT_TESTABLE)
    assert "40 epochs" in worse.part.reason


def test_failed_trainings_are_named_and_keep_the_claim_from_being_reproduced() -> None:
    failed = training(2, None, status="failed", stopped_at="train")
    judged = c1(training(8, 0.97), training(4, 0.97), failed)
    assert judged.verdict == Verdict.PARTLY
    assert "without an accuracy: w2a2" in judged.part.reason
    no_reference = c1(training(8, None, status="failed", stopped_at="train"), training(4, 0.97))
    assert no_reference.verdict == Verdict.NOT_TESTABLE
    assert "of w8a8: 1 failed: train" in no_reference.part.reason


def test_data_sets_are_judged_apart() -> None:
    fashion = {"dataset": "Fashion-MNIST"}
    rows = [training(8, 0.97), training(2, 0.97), training(8, 0.89, **fashion)]
    judged = c1(*rows, training(2, 0.85, **fashion))
    assert judged.verdict == Verdict.PARTLY
    assert judged.part.reason.count("TFC on") == 2
    broken = c1(*rows, training(2, None, **fashion))
    assert broken.verdict == Verdict.PARTLY  # MNIST is fine, but there is no saying of the other


def test_references_and_widths_per_layer_are_no_precisions_of_the_claim() -> None:
    others = (training("float", 0.5), training("8-2-2-8", 0.5), training(16, 0.5))
    judged = c1(training(8, 0.97), training(4, 0.97), *others)
    assert (judged.verdict, len(judged.evidence)) == (Verdict.REPRODUCED, 1)


@pytest.mark.parametrize("name", ["C1", "C2", "C2f", "C3"])
def test_an_empty_grid_is_not_testable(name: str) -> None:
    judged = judge(name, [])
    assert (judged.verdict, list(judged.evidence)) == (Verdict.NOT_TESTABLE, [])
    assert "is in the grid" in judged.part.reason


@pytest.mark.parametrize("name", ["C2f", "C3"])
def test_rows_without_numbers_are_not_testable(name: str) -> None:
    rows = [
        design(b, f, status="infeasible", stopped_at="compile")
        for b in (2, 4)
        for f in ("low", "max")
    ]
    assert judge(name, rows).verdict == Verdict.NOT_TESTABLE
    assert (
        name == "C3" or "without numbers (4 infeasible: compile)" in judge(name, rows).part.reason
    )


def test_the_core_alone_and_the_emulated_board_make_62_times_partly_reproduced() -> None:
    judged = judge("C2f", [timed("low", 4096, 4096), timed("max", 64, 128)])
    assert judged.verdict == Verdict.PARTLY
    found = {e.origin: e.value for e in judged.evidence}
    assert found == {"estimated": 64.0, "rtl-sim": 64.0, "emulated-board": 32.0}
    assert "max takes an image every 64 cycles, with its DMA every 128" in (
        judged.evidence[-1].arithmetic
    )
    assert "min -> high not run" in judged.part.reason
    assert "no real board" in judged.part.reason


def test_a_real_board_within_the_tolerance_reproduces_62_times() -> None:
    low, high = timed("min", 16384, 16384, "board"), timed("high", 256, 262, "board")
    judged = judge("C2f", [low, high])
    assert judged.verdict == Verdict.REPRODUCED
    assert judged.evidence[-1].value == pytest.approx(16384 / 262)


def test_62_times_is_refuted_where_nothing_comes_near_it() -> None:
    judged = judge("C2f", [timed("low", 4096, 4096), timed("max", 256, 256)])
    assert judged.verdict == Verdict.NOT_REPRODUCED


@pytest.mark.parametrize(("interval", "within"), [(0.941, True), (0.939, False)])
def test_the_tolerance_of_62_times_is_the_stated_one(interval: float, within: bool) -> None:
    rows = [timed("low", 6200, 6200), timed("max", 100, 100)]
    judged = judge("C2f", rows, factor=62.0 / interval)
    assert (judged.verdict == Verdict.PARTLY) is within


def test_a_ratio_is_only_of_designs_alike_in_all_but_folding() -> None:
    other = timed("max", 64, 128) | {"board": "Ultra96"}
    assert judge("C2f", [timed("low", 4096, 4096), other]).verdict == Verdict.NOT_TESTABLE
    on_board = timed("max", 64, 128, on="board")
    judged = judge("C2f", [timed("low", 4096, 4096), on_board])
    assert {e.origin for e in judged.evidence} == {"estimated", "rtl-sim"}


def test_a_ratio_of_boards_is_one_at_the_clock_of_the_build() -> None:
    # The fast one at half its clock gives half as many images; cycles are what they are.
    slowed = timed("max", 66, 66, "board") | {"fps_measured": 1e8 / 132, "clock_measured_mhz": 50.0}
    judged = judge("C2f", [timed("low", 4096, 4096, "board"), slowed])
    assert judged.verdict == Verdict.REPRODUCED
    assert judged.evidence[-1].value == pytest.approx(4096 / 66)


@pytest.mark.parametrize("name", ["C2f", "C3"])
def test_no_number_of_a_wrong_row_counts(name: str) -> None:
    def rows(**more: Any) -> list[dict[str, Any]]:
        more |= {"lut": 10, "bram18": 5, "dsp_instantiated": 3} | HLS
        return [
            timed(folding, core, core, "board") | more | {"weight_bits": bits, "act_bits": bits}
            for bits, core in ((2, 64), (8, 6400))
            for folding in ("low",)
        ] + [timed("max", 1, 1, "board") | more]

    assert judge(name, rows()).verdict != Verdict.NOT_TESTABLE
    wrong = judge(name, rows(status="wrong", stopped_at="simulate"))
    assert (wrong.verdict, list(wrong.evidence)) == (Verdict.NOT_TESTABLE, [])
    assert name == "C3" or "without numbers (3 wrong: simulate)" in wrong.part.reason


def costs(
    bits: int, variant: dict[str, str], lut: int, bram: int, dsp: int, **more: Any
) -> dict[str, Any]:
    numbers = {"lut": lut, "bram18": bram, "dsp_instantiated": dsp}
    return design(bits, "low", **numbers, **variant, **more)


def test_estimates_are_compared_within_one_variant_and_never_reproduce_alone() -> None:
    rows = [
        costs(2, HLS, 2000, 10, 0), costs(3, HLS, 3000, 15, 0),
        costs(4, RTL, 100, 19, 12), costs(8, RTL, 900, 38, 12),
    ]  # fmt: skip
    judged = judge("C3", rows)
    assert judged.verdict == Verdict.PARTLY
    found = {e.what.split(", ")[1]: e.value for e in judged.evidence}
    assert found == {
        "4 MVAU_hls: LUT": -1000, "4 MVAU_hls: BRAM18": -5,
        "4 MVAU_rtl: BRAM18": -19, "4 MVAU_rtl: DSP (dsp_instantiated)": 0,
    }  # fmt: skip
    assert "LUT of 4 MVAU_rtl not testable (estimate leaves them out)" in judged.part.reason
    assert "DSP (dsp_instantiated) of 4 MVAU_hls not testable (none is used)" in judged.part.reason


def test_fewer_bits_that_cost_more_refute_the_claim() -> None:
    judged = judge("C3", [costs(4, RTL, 0, 40, 12), costs(8, RTL, 0, 38, 12)])
    assert judged.verdict == Verdict.NOT_REPRODUCED
    assert "more in 1" in judged.part.reason


def test_synthesized_resources_count_before_estimates_and_across_variants() -> None:
    low = costs(2, HLS, 9, 9, 9, lut_synth=100, bram18_synth=5, dsp_synth=1)
    high = costs(8, RTL, 1, 1, 1, lut_synth=200, bram18_synth=9, dsp_synth=4)
    judged = judge("C3", [low, high])
    assert judged.verdict == Verdict.REPRODUCED
    assert {e.origin for e in judged.evidence} == {"synthesized"}


def test_where_all_is_mapped_the_reason_speaks_of_that_and_estimates_come_behind_it() -> None:
    mapped = {"lut_mapped": 100.0, "bram18_mapped": 5, "dsp_mapped": 1}
    low = costs(4, RTL, 0, 19, 12, **mapped)
    high = costs(8, RTL, 0, 38, 13, lut_mapped=200.0, bram18_mapped=9, dsp_mapped=2)
    judged = judge("C3", [low, high])
    assert judged.verdict == Verdict.REPRODUCED
    assert judged.part.reason == (
        "TFC on MNIST: LUT mapped fewer in 1 of 1; BRAM18 mapped fewer in 1 of 1; "
        "DSP mapped fewer in 1 of 1."
    )
    assert [e.origin for e in judged.evidence] == 3 * ["mapped"] + 2 * ["estimated"]
    assert judged.evidence[-1].what == "TFC on MNIST, 4 MVAU_rtl: DSP (dsp_instantiated)"
    partly = judge("C3", [low, high, costs(16, RTL, 0, 99, 99)])
    assert partly.part.reason.startswith("TFC on MNIST: LUT mapped fewer in 1 of 1; ")
    assert "BRAM18 of 4 MVAU_rtl fewer in 3 of 3" in partly.part.reason, "one is not mapped"


def test_why_the_estimate_decides_is_said_as_it_is() -> None:
    low, high = costs(2, HLS, 9, 9, 9), costs(8, RTL, 1, 1, 1)
    assert "nothing was mapped" in judge("C3", [low, high]).part.reason
    mapped = judge("C3", [low | {"lut_mapped": 1300.0}, high]).part.reason
    assert "nothing was mapped" not in mapped
    assert "no two mapped designs are comparable" in mapped


def test_designs_that_are_folded_otherwise_are_not_compared_whatever_their_foldings_name() -> None:
    low, high = costs(4, RTL, 0, 19, 12), costs(8, RTL, 0, 38, 12)
    assert judge("C3", [low, high]).verdict == Verdict.PARTLY
    searched = judge("C3", [low | {"pe_simd": "1x1"}, high | {"pe_simd": "2x1"}])
    assert searched.verdict == Verdict.NOT_TESTABLE


def test_designs_with_more_of_one_width_and_less_of_the_other_are_not_compared() -> None:
    rows = [costs(2, HLS, 9, 9, 9) | {"act_bits": 3}, costs(3, HLS, 5, 5, 5) | {"act_bits": 2}]
    assert judge("C3", rows).verdict == Verdict.NOT_TESTABLE


def with_verdict(verdict: Verdict) -> list[claims.Judgement]:
    judged = c1(training(8, 0.97), training(4, 0.97))
    return [replace(judged, part=replace(judged.part, verdict=verdict))]


def test_a_regression_is_reported_until_it_is_mended_or_accepted(tmp_path: Path) -> None:
    held, fell = with_verdict(Verdict.REPRODUCED), with_verdict(Verdict.PARTLY)
    assert claims.compare(fell, tmp_path) == ()
    assert claims.compare(held, tmp_path) == ()  # better is kept
    for _ in range(2):
        (regression,) = claims.compare(fell, tmp_path)
        assert str(regression) == "C1 was 'reproduced', now it is 'partly'"
    assert claims.compare(held, tmp_path) == ()
    assert claims.compare([], tmp_path)[0].now is None
    assert claims.compare(fell, tmp_path, accept=True) == ()
    assert claims.compare(fell, tmp_path) == ()


def test_what_was_never_held_is_no_regression(tmp_path: Path) -> None:
    for verdict in (Verdict.NOT_TESTABLE, Verdict.NOT_REPRODUCED, Verdict.NOT_TESTABLE):
        assert claims.compare(with_verdict(verdict), tmp_path) == ()


def test_damaged_verdicts_are_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "verdicts.json").write_text('{"C1": "splendid"}')
    with pytest.raises(StoreError, match="splendid") as caught:
        claims.compare(with_verdict(Verdict.PARTLY), tmp_path)
    assert "--accept" in caught.value.remedy
    assert claims.compare(with_verdict(Verdict.PARTLY), tmp_path, accept=True) == ()


def test_claims_json_has_the_agreed_form_and_is_the_same_each_time(tmp_path: Path) -> None:
    rows = (training(8, 0.97), training(4, 0.96))
    first = claims.write_claims([c1(*rows)], tmp_path).read_bytes()
    assert claims.write_claims([c1(*rows)], tmp_path).read_bytes() == first
    (one,) = json.loads(first)["claims"]
    assert set(one) == {
        "claim", "title", "statement", "source", "networks", "in_grid", "verdict", "reason",
        "tolerance", "evidence",
    }  # fmt: skip
    assert set(one["evidence"][0]) == {"what", "arithmetic", "value", "unit", "origin", "rows"}


def test_claims_about_other_networks_are_one_line() -> None:
    rows = pd.DataFrame([training(8, 0.97) | {"network": "MyNet"}])
    judged = claims.judge(STATED, rows.iloc[:0], rows)
    assert not any(one.in_grid for one in judged)
    console = Terminal(width=200)
    for show in (claims.show_lines, claims.show_claims):
        with console.capture() as captured:
            show(judged, console)
        said = " ".join(captured.get().split())
        assert said.startswith("Claims C1, C2, C2f and C3 (abstract of arXiv 2102.01341")
        assert said.endswith(") are about another network, TFC.")
    assert claims.judge(STATED, rows.iloc[:0], rows.assign(network="TFC"))[0].in_grid


def test_what_is_shown_fits_80_columns_and_ends_what_is_too_long() -> None:
    low = [training(b, 0.96) | {"act_bits": a} for b in range(2, 8) for a in range(2, 8)]
    console = Terminal(width=200)
    with console.capture() as captured:
        claims.show_claims([c1(training(8, 0.97), *low)], console)
    shown = captured.get()
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80
    assert "... and 24 more, in claims.json" in shown
