"""Which source says whether a design fits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.flows.finn import fitting
from bench.grids.experiment import Point
from bench.results import column
from bench.results.registry import Facts
from bench.words import Origin, State, Status

AVAILABLE = {"lut": 100, "bram18": 10, "dsp": 5, "uram": 0}
ESTIMATED = {"fits": False, "available": AVAILABLE}
MAPPED = {"fits": True, "binds": "lut", "binding_share": 0.637, "lut": 60, "not_mapped": []}
BUILT = {"lut_synth": 90, "bram18_synth": 9, "dsp_synth": 6}


def facts(built: Status | None = None, **metrics: dict[str, Any]) -> Facts:
    stages = {} if built is None else {"synthesize": State(status=built)}
    done = State(status=Status.DONE)
    point = cast(Point, SimpleNamespace(training="a training"))
    return Facts(point=point, metrics=metrics, state=done, stages=stages)


@pytest.mark.parametrize(
    ("known", "fits", "by"),
    [
        (facts(), None, None),
        (facts(compile=ESTIMATED), False, Origin.ESTIMATED),
        (facts(compile={**ESTIMATED, "search": {"size": 0.6}}), True, Origin.ESTIMATED),
        (
            facts(compile={**ESTIMATED, "fits": True, "search": {"size": 1.1}}),
            False,
            Origin.ESTIMATED,
        ),
        (facts(compile=ESTIMATED, map=MAPPED), True, Origin.MAPPED),
        (facts(compile=ESTIMATED, map={"not_mapped": ["it"]}), False, Origin.ESTIMATED),
        (facts(Status.SKIPPED, compile=ESTIMATED, map=MAPPED), True, Origin.MAPPED),
        (facts(Status.DONE, compile=ESTIMATED, map=MAPPED), True, Origin.SYNTHESIZED),
        # A build that ended without a bitstream: its utilisation decides, where it is known.
        (
            facts(Status.INFEASIBLE, compile=ESTIMATED, map=MAPPED, synthesize=BUILT),
            False,
            Origin.SYNTHESIZED,
        ),
        (
            facts(Status.INFEASIBLE, compile=ESTIMATED, synthesize={**BUILT, "dsp_synth": 5}),
            True,
            Origin.SYNTHESIZED,
        ),
        (facts(Status.INFEASIBLE, compile=ESTIMATED, map=MAPPED), True, Origin.MAPPED),
    ],
)
def test_the_best_source_judges(known: Facts, fits: bool | None, by: Origin | None) -> None:
    assert column("fits").value_of(known) is fits
    assert column("fits_by").value_of(known) == by


RFSOCS = "RFSoC2x2, RFSoC4x2, ZCU111"
LARGER = f"KV260_SOM, ZCU104, ZCU102, {RFSOCS}"
LARGE = {"lut": 60_000, "ff": 9, "bram18": 5, "dsp": 5, "uram": 0}
OF_THE_PART = {"fits": False, "available": LARGE}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (facts(), None),
        (facts(compile=ESTIMATED, map=MAPPED), None),
        (
            facts(compile={**OF_THE_PART, **LARGE}),
            f"AUP-ZU3_8GB, Ultra96, Ultra96-V2, {LARGER}",
        ),
        # The larger of what is estimated and what is instantiated.
        (facts(compile={**OF_THE_PART, **LARGE, "dsp_instantiated": 2000}), f"ZCU102, {RFSOCS}"),
        (
            facts(
                compile={
                    **OF_THE_PART,
                    "search": {"size": 1.2, "model": LARGE, "reserve": {"lut": 11_000}},
                }
            ),
            LARGER,
        ),
        # The shell counts, and the mapping goes before the estimate.
        (
            facts(
                compile={**OF_THE_PART, **LARGE},
                map={**OF_THE_PART, **LARGE, "reserve": {"lut": 11_000}},
            ),
            LARGER,
        ),
        (facts(compile={**OF_THE_PART, **LARGE, "lut": 10**6}), "none"),
        (
            facts(Status.INFEASIBLE, compile=ESTIMATED, synthesize={**BUILT, "dsp_synth": 4272}),
            RFSOCS,
        ),
    ],
)
def test_what_does_not_fit_has_the_boards_that_it_would(known: Facts, expected: str | None) -> None:
    assert column("would_fit").value_of(known) == expected


SEARCHED = {"search": {"size": 0.6}}
COUNTED = {**ESTIMATED, "lut": 20, "bram18": 3, "dsp": 1, "uram": 0}


@pytest.mark.parametrize(
    ("known", "share"),
    [
        (facts(), None),
        (facts(compile=COUNTED), 0.3),
        # The larger of what is estimated and what is instantiated.
        (facts(compile={**COUNTED, "dsp_instantiated": 4}), 0.8),
        (facts(compile={**COUNTED, **SEARCHED}), 0.6),
        (facts(compile={**COUNTED, **SEARCHED}, map=MAPPED), 0.637),
        (facts(compile=COUNTED, map={"not_mapped": ["it"]}), 0.3),
        (facts(Status.DONE, compile=COUNTED, map=MAPPED, synthesize=BUILT), 1.2),
        (facts(Status.DONE, compile=COUNTED, map=MAPPED), None),
    ],
)
def test_the_share_that_is_taken_is_of_the_source_that_judges(
    known: Facts, share: float | None
) -> None:
    assert column("part_taken").value_of(known) == share


def test_the_share_of_a_mapped_design_is_the_one_that_is_named_with_its_resource() -> None:
    known = facts(compile=COUNTED, map={**MAPPED, "binds": "ff", "binding_share": 0.176, "ff": 1})
    assert column("part_taken").value_of(known) == 0.176
    assert column("mapped_binds").value_of(known) == "ff 18%"


def test_mapped_numbers_are_columns_of_their_own() -> None:
    known = facts(compile={**ESTIMATED, "lut": 7}, map=MAPPED)
    assert column("lut").value_of(known) == 7
    assert column("lut_mapped").value_of(known) == 60
    assert column("mapped_binds").value_of(known) == "lut 64%"
    assert column("not_mapped").value_of(known) is None


def test_what_was_not_mapped_is_said_and_has_no_numbers() -> None:
    known = facts(compile=ESTIMATED, map={"not_mapped": ["a takes too long", "b, too"]})
    assert column("not_mapped").value_of(known) == "a takes too long; b, too"
    assert column("lut_mapped").value_of(known) is None
    assert fitting.binding(known) is None
