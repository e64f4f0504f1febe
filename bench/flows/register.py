"""The flows there are: the packages beside this file, and what extensions add."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache

from bench import extensions
from bench.errors import ConfigError, did_you_mean
from bench.extensions import Register
from bench.flows.flow import Flow
from contract.stage import Stage

DEFAULT = "finn"

FLOWS = Register(Flow, "FLOW", sys.modules[__package__])


def flow_named(name: str) -> Flow:
    """The flow `name`, with the stages that extensions add to it.

    Raises:
        ConfigError: There is none.
    """
    if name not in FLOWS:
        raise ConfigError(f"flow = '{name}' is not known.", did_you_mean(name, FLOWS))
    return _complete(FLOWS[name], _added_stages())


def all_stages() -> dict[str, Stage]:
    """Every stage of every flow by name, in order."""
    stages = (stage for name in FLOWS for stage in flow_named(name).all_stages)
    return {stage.name: stage for stage in stages}


def board_parts() -> dict[str, str]:
    """The FPGA of each board that a flow builds for."""
    return {board: part for flow in FLOWS.values() for board, part in flow.boards.items()}


def _added_stages() -> tuple[Stage, ...]:
    declared = (getattr(module, "STAGE", None) for module in extensions.modules())
    return tuple(stage for stage in declared if isinstance(stage, Stage))


@cache
def _complete(flow: Flow, added: tuple[Stage, ...]) -> Flow:
    """`flow` with those of `added` that need nothing but what it has, each after what it needs."""
    for stage in added:
        roles = [each.role for each in flow.all_stages]
        if set(stage.needs) <= set(roles):
            own = len(roles) - len(flow.stages)
            ends = (place for place, role in enumerate(roles, 1) if role in stage.needs)
            place = max(max(ends, default=0) - own, 0)
            stages = (*flow.stages[:place], stage, *flow.stages[place:])
            flow = replace(flow, stages=stages)
    return flow
