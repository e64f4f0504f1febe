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
