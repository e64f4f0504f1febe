"""Columns of the synthesis with Vivado."""

from __future__ import annotations

from functools import partial

from bench.flows.finn.resources import REPORTED
from bench.results import formats, tolerance
from bench.results.registry import Column, Facts, Omit, Place, register
from bench.results.tolerance import Rule, Tolerance, not_compared
from bench.words import Origin


def _bitstream(facts: Facts) -> tuple[str | None, str | None]:
    state = facts.stages.get("synthesize")
    return (None, None) if state is None else (str(state.status), state.reason or None)


_synthesized = partial(
    Column,
    stage="synthesize",
    origin=Origin.SYNTHESIZED,
    formula="Vivado, after synthesis",
    tolerance=tolerance.SYNTHESIS,
    omit=Omit.ABSENT,
)
_ROUTED = "Vivado, after routing"

register(
    _synthesized(
        name="synthesis", metric="status", formula="how the stage ended",
        tolerance=not_compared("says whether there was a Vivado"),
        value=lambda facts: _bitstream(facts)[0], says_what_is_wrong=True,
    ),
    _synthesized(
        name="synthesis_reason", metric="reason", formula="why it is not done",
        tolerance=tolerance.PROSE, value=lambda facts: _bitstream(facts)[1],
        says_what_is_wrong=True,
    ),
    *(
        _synthesized(
            name=f"{name}_synth", unit=unit, heading=f"{unit} syn.", label=unit,
            shown=(Place.PAGE,),
        )
        for name, unit in REPORTED.items()
    ),
    _synthesized(
        name="wns_ns", unit="ns", formula=_ROUTED,
        tolerance=Tolerance(rule=Rule.ABSOLUTE, why=tolerance.SYNTHESIS.why, amount=0.5),
        format=formats.PLAIN,
    ),
    _synthesized(
        name="fmax_mhz", unit="MHz", formula=_ROUTED, label="fmax (MHz)", shown=(Place.PAGE,),
    ),
    _synthesized(
        name="power_w", unit="W", formula="Vivado's estimate, after routing",
        tolerance=tolerance.ratio(0.15, "Vivado's own estimate, by version"), format=formats.PLAIN,
    ),
)  # fmt: skip
